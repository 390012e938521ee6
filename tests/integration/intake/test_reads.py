"""What operators and auditors see: no personal data, no other tenant, no centre that is not theirs."""

import asyncio
import json

import pytest_asyncio

from tests.integration.intake.harness import CANARY, Intake, event, mentor, student
from tests.locks import locked
from tests.sweep import sweep

READERS = {"operator", "auditor"}
ROUTES = {
    "POST /v1/events": {"upstream"},
    "POST /v1/events/lookup": {"upstream"},
    "GET /v1/students": READERS,
    "GET /v1/students/{student_id}": READERS,
    "POST /v1/students/lookup": READERS,
    "POST /v1/students/{student_id}/erasure": {"admin"},
    "GET /v1/mentors": READERS,
    "GET /v1/mentors/{mentor_id}": READERS,
    "GET /v1/managers": READERS,
    "GET /v1/managers/{manager_id}": READERS,
    "GET /v1/school-rosters": READERS,
    "GET /v1/school-rosters/{year}": READERS,
    "GET /v1/rejections": READERS,
    "GET /v1/rejections/{rejection_id}": READERS,
    "GET /v1/verification/log": {"auditor"},
    "POST /v1/verification/read-models": {"auditor"},
}


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def everyone(intake: Intake) -> list[dict[str, object]]:
    return await intake.send_batch(
        [
            event("manager.registered", "m-1", {"manager_id": 1, "is_active": True, "centers": [0]}),
            event("school-roster.published", "r-1", {"year": 1404, "school_codes": [9, 8]}),
            mentor(1, manager_id=1),
            mentor(2, active=False),
            *[student(number) for number in range(12)],
            student(3, "student-3-next-year", year=1405),
            student(99, gender=5),
        ]
    )


async def test_every_route_opens_to_its_roles_and_to_nobody_else(intake: Intake) -> None:
    queries = {"GET /v1/verification/log": "partition=0"}
    samples = {
        "student_id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "rejection_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    }
    assert await sweep(intake.app, intake.issuer, ROUTES, samples=samples, queries=queries) > 100


async def test_students_are_paged_and_filtered(intake: Intake) -> None:
    seen = []
    path = "/v1/students?year=1404&limit=5"
    while path:
        answer = await intake.get(path)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        seen += page["items"]
        path = f"/v1/students?year=1404&limit=5&cursor={page['next']}" if page["next"] else ""
    assert len({item["student_id"] for item in seen}) == len(seen) == 12
    girls = (await intake.get("/v1/students?gender=0&year=1404")).json()["items"]
    assert {item["gender"] for item in girls} == {0}
    assert len(girls) == 6
    assert len((await intake.get("/v1/students?reg_center=1&group_code=27")).json()["items"]) == 4
    assert len((await intake.get("/v1/students")).json()["items"]) == 13


async def test_a_student_is_found_by_national_id_and_shown_without_personal_data(intake: Intake) -> None:
    wanted = {"national_id": student(3)["data"]["national_id"], "year": 1404}
    headers = intake.issuer.headers("operator")
    answer = await intake.client.post("/v1/students/lookup", json=wanted, headers=headers)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found == {
        "year": 1404, "student_id": found["student_id"], "status": "registered", "gender": 1, "edu_status": 1,
        "reg_center": 0, "reg_status": 0, "group_code": 27, "school_code": None, "student_type": 0, "version": 1,
        "position": found["position"],
    }  # fmt: skip
    assert (await intake.get(f"/v1/students/{found['student_id']}?year=1404")).json() == found
    assert (await intake.get(f"/v1/students/{found['student_id']}")).json()["year"] == 1405
    unknown = {**wanted, "year": 1390}
    assert (await intake.client.post("/v1/students/lookup", json=unknown, headers=headers)).status_code == 404
    invalid = await intake.client.post(
        "/v1/students/lookup", json={**wanted, "national_id": "1"}, headers=headers
    )
    assert (invalid.status_code, invalid.json()["code"]) == (422, "NATIONAL_ID_INVALID")
    foreign = await intake.client.post(
        "/v1/students/lookup", json=wanted, headers=intake.issuer.headers("operator", "other")
    )
    assert foreign.status_code == 404


async def test_an_operator_of_some_centres_sees_their_students_only(intake: Intake) -> None:
    items = (await intake.get("/v1/students?year=1404", centers=[1, 2])).json()["items"]
    assert {item["reg_center"] for item in items} == {1, 2}
    hidden = (await intake.get("/v1/students?reg_center=0&year=1404")).json()["items"][0]["student_id"]
    assert (await intake.get(f"/v1/students/{hidden}", centers=[1, 2])).status_code == 404
    assert (await intake.get(f"/v1/students/{hidden}", centers=[0])).status_code == 200


async def test_mentors_managers_rosters_and_rejections_are_shown_without_what_is_sealed(
    intake: Intake,
) -> None:
    shown = []
    for path in (
        "/v1/mentors?limit=1",
        "/v1/mentors?active=false",
        "/v1/mentors/1",
        "/v1/managers",
        "/v1/managers/1",
        "/v1/school-rosters",
        "/v1/school-rosters/1404",
        "/v1/rejections",
    ):
        answer = await intake.get(path, "auditor")
        assert answer.status_code == 200, (path, answer.text)
        shown.append(answer.json())
    assert [item["mentor_id"] for item in shown[0]["items"]] == [1]
    assert shown[0]["next"]
    assert [item["mentor_id"] for item in shown[1]["items"]] == [2]
    assert shown[2]["manager_centers"] == [0]
    assert shown[4]["centers"] == [0]
    assert shown[5]["items"][0]["schools"] == 2
    assert shown[6]["school_codes"] == [8, 9]
    [refused] = shown[7]["items"]
    assert refused["errors"][0]["pointer"] == "/data/gender"
    assert (await intake.get(f"/v1/rejections/{refused['rejection_id']}")).json() == refused
    assert CANARY not in json.dumps(shown, ensure_ascii=False)


async def test_a_list_that_no_index_serves_is_read_one_at_a_time_by_a_caller(intake: Intake) -> None:
    async with locked(intake.database.owner_dsn, "student_years") as table:
        held = asyncio.create_task(intake.get("/v1/students?reg_center=0", sub="one"))
        await table.waits_for(1)
        refused = await intake.get("/v1/students?group_code=27", sub="one")
        assert (refused.status_code, refused.json()["code"]) == (429, "EXPENSIVE_READ_RUNNING")
        assert int(refused.headers["retry-after"]) >= 1
        others = [
            asyncio.create_task(intake.get(path, sub=sub))
            for path, sub in (("/v1/students?group_code=27", "two"), ("/v1/students?year=1404", "one"))
        ]
        await table.waits_for(3)
    assert [(await answer).status_code for answer in (held, *others)] == [200, 200, 200]
    assert (await intake.get("/v1/students?group_code=27", sub="one")).status_code == 200
