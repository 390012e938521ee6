"""A token limited to centres, on every route of intake: students, mentors, managers, rejections and look-ups."""

from typing import Any

import pytest
import pytest_asyncio

from tests.centers import Probe, sweep_centers
from tests.integration.intake.harness import Intake, event, mentor, student

OWN, FOREIGN = 0, 1


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rejected(intake: Intake) -> dict[int, str]:
    """One person, mentor, manager and rejection of each centre; the rejections' ids by centre."""
    events: list[object] = []
    for center in (OWN, FOREIGN):
        events += [
            student(center, reg_center=center),
            mentor(910_000 + center, centers=[center]),
            event(
                "manager.registered",
                f"manager-{center}",
                {"manager_id": 920_000 + center, "is_active": True, "centers": [center]},
            ),
            student(10 + center, f"refused-{center}", reg_center=center, gender=5),
        ]
    events.append(mentor(930_000, centers=[OWN, FOREIGN]))
    results = await intake.send_batch(events)
    return {center: results[4 * center + 3]["rejection_id"] for center in (OWN, FOREIGN)}


async def test_every_route_shows_a_limited_token_its_centres_alone(
    intake: Intake, rejected: dict[int, str]
) -> None:
    people = await students_by_center(intake)
    centers = (OWN, FOREIGN)

    def each(address: str, marker: str) -> dict[int, Probe]:
        names = {center: {"rejection": rejected[center], "student": people[center]} for center in centers}
        return {
            center: Probe(
                address.format(number=center, **names[center]), marker.format(number=center, **names[center])
            )
            for center in centers
        }

    probes = {
        "GET /v1/students": each("/v1/students?year=1404", "{student}"),
        "GET /v1/students/{student_id}": each("/v1/students/{student}", "{student}"),
        "POST /v1/students/lookup": {
            center: Probe("/v1/students/lookup", people[center], body=wanted(center)) for center in centers
        },
        "GET /v1/mentors": each("/v1/mentors", '"mentor_id":91000{number}'),
        "GET /v1/mentors/{mentor_id}": each("/v1/mentors/91000{number}", '"mentor_id":91000{number}'),
        "GET /v1/managers": each("/v1/managers", '"manager_id":92000{number}'),
        "GET /v1/managers/{manager_id}": each("/v1/managers/92000{number}", '"manager_id":92000{number}'),
        "GET /v1/rejections": each("/v1/rejections", "{rejection}"),
        "GET /v1/rejections/{rejection_id}": each("/v1/rejections/{rejection}", "{rejection}"),
    }
    assert await sweep_centers(intake.app, intake.issuer, "intake", probes) == 540


async def students_by_center(intake: Intake) -> dict[int, str]:
    items = (await intake.get("/v1/students?year=1404")).json()["items"]
    return {item["reg_center"]: item["student_id"] for item in items}


def wanted(number: int) -> dict[str, Any]:
    """The body of a look-up of a student."""
    return {"national_id": student(number)["data"]["national_id"], "year": 1404}


@pytest.mark.parametrize("centers", [[OWN], [FOREIGN], [FOREIGN, 2]])
async def test_a_mentor_of_several_centres_is_seen_in_each(
    intake: Intake, rejected: dict[int, str], centers: list[int]
) -> None:
    assert rejected
    assert (await intake.get("/v1/mentors/930000", centers=centers)).status_code == 200


async def test_a_rejection_is_seen_by_the_centres_that_its_event_named_readably(intake: Intake) -> None:
    results = await intake.send_batch(
        [
            mentor(940_000, "several", centers=["۱", 2, "x", None], gender=7),
            mentor(930_000, "other-gender", centers=[2], gender=0),
            event("student.withdrawn", "nobody", {"year": 1404, "national_id": "1"}),
            "no event",
        ]
    )
    seen = {
        center: {
            number
            for number, result in enumerate(results)
            if (await intake.get(f"/v1/rejections/{result['rejection_id']}", centers=[center])).status_code
            == 200
        }
        for center in (0, 1, 2)
    }
    assert seen == {0: set(), 1: {0}, 2: {0, 1}}
    everything = [await intake.get(f"/v1/rejections/{one['rejection_id']}") for one in results]
    assert {answer.status_code for answer in everything} == {200}


async def test_an_upper_case_uuid_finds_the_same(intake: Intake, rejected: dict[int, str]) -> None:
    found = (await students_by_center(intake))[OWN]
    for path in (f"/v1/students/{found}", f"/v1/rejections/{rejected[OWN]}"):
        head, name = path.rsplit("/", 1)
        assert name != name.upper()
        upper = await intake.get(f"{head}/{name.upper()}")
        assert (upper.status_code, upper.json()) == (200, (await intake.get(path)).json())
