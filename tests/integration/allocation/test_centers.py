"""A token limited to centres, on every route of allocation; and the summary of mentors beyond their capacity."""

import pytest

from shared.http.auth.callers import ROLES
from tests.centers import CENTERS, Probe, sweep_centers
from tests.chains import Chain, mentor, student
from tests.integration.allocation.running import PARTITION, Service

READERS = ("operator", "auditor", "admin")


async def planted(service: Service) -> None:
    """In centre 0 one student with a mentor and two who wait; in centre 1 one of each; a mentor of both is full."""
    chain = Chain("intake", PARTITION)
    for fact in (
        mentor(900, capacity=1, centers=[0]),
        mentor(901, capacity=1, centers=[1]),
        mentor(950, capacity=0, centers=[0, 1]),
        student(1, reg_center=0),
        student(2, reg_center=1),
        student(3, reg_center=0),
        student(4, reg_center=1),
        student(5, reg_center=0),
    ):
        chain.add_fact(fact)
    await service.publish(chain)
    await service.wait_for(8)


async def test_every_route_shows_a_limited_token_its_centres_alone(service: Service) -> None:
    await planted(service)
    has, waits = {0: student(1), 1: student(2)}, {0: student(3), 1: student(4)}
    probes = {
        "GET /v1/allocations": {
            center: Probe("/v1/allocations?year=1404", one.student_id) for center, one in has.items()
        },
        "GET /v1/allocations/{student_id}": {
            center: Probe(f"/v1/allocations/{one.student_id}", one.student_id) for center, one in has.items()
        },
        "GET /v1/waitlist": {
            center: Probe("/v1/waitlist?year=1404", one.student_id) for center, one in waits.items()
        },
        "GET /v1/mentors": {
            center: Probe("/v1/mentors?year=1404", f'"mentor_id":90{center}') for center in (0, 1)
        },
        "GET /v1/mentors/{mentor_id}": {
            center: Probe(f"/v1/mentors/90{center}?year=1404", f'"mentor_id":90{center}') for center in (0, 1)
        },
        "GET /v1/mentors/{mentor_id}/students": {
            center: Probe(f"/v1/mentors/90{center}/students", one.student_id) for center, one in has.items()
        },
    }
    elsewhere = {"GET /v1/summary"}
    asked = await sweep_centers(service.app, service.issuer, "allocation", probes, elsewhere=elsewhere)
    assert asked == 360


async def test_a_limited_summary_counts_its_centres_alone(service: Service) -> None:
    await planted(service)
    for role in ROLES:
        for centers in CENTERS:
            answer = await service.get("/v1/summary?year=1404", role, centers=centers)
            if role not in READERS:
                assert answer.status_code == 403
                continue
            found, visible = answer.json(), {0, 1} if centers is None else {0, 1} & set(centers)
            assert found["assigned"] == len(visible)
            assert found["waitlisted"] == (2 if 0 in visible else 0) + (1 if 1 in visible else 0)
            assert found["students"] == found["assigned"] + found["waitlisted"]
            assert (found["occupancy"]["taken"], found["occupancy"]["mentors"]) == (len(visible),) * 2


@pytest.mark.parametrize("centers", [[0], [1], None])
async def test_a_mentor_of_two_centres_is_seen_in_each(service: Service, centers: list[int] | None) -> None:
    await planted(service)
    answer = await service.get("/v1/mentors/950?year=1404", centers=centers)
    assert (answer.status_code, answer.json()["centers"]) == (200, [0, 1])


@pytest.mark.parametrize("centers", [[0], [1], [0, 1], None])
async def test_a_shared_mentor_shows_its_whole_load_but_only_visible_students(
    service: Service, centers: list[int] | None
) -> None:
    chain = Chain("intake", PARTITION)
    both = {0: student(11, reg_center=0), 1: student(12, reg_center=1)}
    chain.add_fact(mentor(960, capacity=2, centers=[0, 1]))
    for registered in both.values():
        chain.add_fact(registered)
    await service.publish(chain)
    await service.wait_for(3)
    students = await service.get("/v1/mentors/960/students", centers=centers)
    assert students.status_code == 200
    for center, one in both.items():
        assert (one.student_id in students.text) == (centers is None or center in centers)
    shown = (await service.get("/v1/mentors/960?year=1404", centers=centers)).json()
    assert (shown["load"], shown["capacity"]) == (2, 2)
    occupancy = (await service.get("/v1/summary?year=1404", centers=centers)).json()["occupancy"]
    assert (occupancy["taken"], occupancy["places"], occupancy["mentors"]) == (2, 2, 1)


async def test_the_summary_shows_what_is_taken_and_what_is_over_capacity(service: Service) -> None:
    chain = Chain("intake", PARTITION)
    for number in (7, 8):
        chain.add_fact(mentor(number, capacity=3, centers=[number - 7]))
    for number in range(1, 7):
        chain.add_fact(student(number, reg_center=number % 2))
    chain.add_fact(mentor(7, version=2, capacity=1, centers=[0]))
    chain.add_fact(mentor(8, version=2, capacity=0, centers=[1]))
    await service.publish(chain)
    await service.wait_for(10)
    found = (await service.get("/v1/summary?year=1404")).json()
    assert found["assigned"] == 6
    occupancy = found["occupancy"]
    assert (occupancy["places"], occupancy["taken"], occupancy["over_capacity"]) == (1, 6, 5)
    assert (occupancy["mentors"], occupancy["max"]) == (1, 3)


async def test_an_upper_case_uuid_finds_the_same(service: Service) -> None:
    name = "01890a5d-ac96-774b-bcce-b302099a8057"
    chain = Chain("intake", PARTITION)
    chain.add_fact(student(1, student_id=name))
    await service.publish(chain)
    await service.wait_for(1)
    lower, upper = [await service.get(f"/v1/allocations/{one}") for one in (name, name.upper())]
    assert (lower.status_code, lower.json()) == (200, upper.json())
