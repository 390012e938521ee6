"""An erasure over several years, with the student's rows in the database and one of them in memory."""

from shared.contracts.facts import StudentErased
from tests.chains import Chain, mentor, student
from tests.integration.allocation.running import PARTITION, Service


def erasure(number: int, version: int, *years: int) -> StudentErased:
    """Of one of `student(number)`'s facts."""
    return StudentErased(
        version=version,
        occurred_at=None,
        student_id=student(number).student_id,
        gender=student(number).gender,
        years=list(years),
    )


async def test_every_year_of_an_erased_student_ends_and_its_place_goes_to_who_waits(service: Service) -> None:
    chain = Chain("intake", PARTITION)
    chain.add_fact(mentor(7, capacity=1))
    chain.add_fact(student(1))
    chain.add_fact(student(1, year=1405, version=2, group_code=99))  # nobody takes it: it waits, in memory
    chain.add_fact(student(2))
    await service.publish(chain)
    await service.wait_for(4)
    chain.add_fact(erasure(1, 3, 1404, 1405))
    await service.publish(chain)
    await service.wait_for(5)

    for year in (1404, 1405):
        one = (await service.get(f"/v1/allocations/{student(1).student_id}?year={year}")).json()
        assert (one["status"], one["mentor_id"], one["reason"]) == ("withdrawn", None, "erased")
        assert (one["version"], one["counter"]) == (3, "043730001")
        assert one["cause"] == {"partition": PARTITION, "sequence": 5}
    next_one = (await service.get(f"/v1/allocations/{student(2).student_id}?year=1404")).json()
    assert (next_one["status"], next_one["mentor_id"]) == ("assigned", 7)
    assert next_one["counter"] == "043730002"
    assert (await service.get("/v1/waitlist?year=1405")).json()["items"] == []
