"""Another tenant's rows do not exist, on every route of intake."""

from tests.integration.intake.harness import SOURCE, Intake, event, mentor, student
from tests.tenants import TenantProbe, sweep_tenants


async def test_no_route_shows_another_tenants_rows(intake: Intake) -> None:
    sent = student(1)
    refused = student(2, "refused", gender=5)
    manager = event(
        "manager.registered", "manager", {"manager_id": 920_000, "is_active": True, "centers": [1]}
    )
    roster = event("school-roster.published", "roster", {"year": 1404, "school_codes": [1001]})
    results = await intake.send_batch([sent, mentor(910_000, centers=[1]), manager, refused, roster])
    assert [result["status"] for result in results] == ["accepted"] * 3 + ["rejected", "accepted"], results
    rejection = results[3]["rejection_id"]
    [item] = (await intake.get("/v1/students")).json()["items"]
    person = item["student_id"]
    wanted = {"national_id": sent["data"]["national_id"], "year": 1404}
    await sweep_tenants(
        intake.app,
        intake.issuer,
        "intake",
        {
            "GET /v1/students": [
                TenantProbe("/v1/students", person),
                TenantProbe("/v1/students?year=1404", person),
            ],
            "GET /v1/students/{student_id}": [TenantProbe(f"/v1/students/{person}", person, is_item=True)],
            "POST /v1/students/lookup": [
                TenantProbe("/v1/students/lookup", person, is_item=True, body=wanted)
            ],
            "POST /v1/events/lookup": [
                TenantProbe(
                    "/v1/events/lookup", "accepted", is_item=True, body={"source": SOURCE, "id": sent["id"]}
                )
            ],
            "GET /v1/mentors": [TenantProbe("/v1/mentors", '"mentor_id":910000')],
            "GET /v1/mentors/{mentor_id}": [
                TenantProbe("/v1/mentors/910000", '"mentor_id":910000', is_item=True)
            ],
            "GET /v1/managers": [TenantProbe("/v1/managers", '"manager_id":920000')],
            "GET /v1/managers/{manager_id}": [
                TenantProbe("/v1/managers/920000", '"manager_id":920000', is_item=True)
            ],
            "GET /v1/school-rosters": [TenantProbe("/v1/school-rosters", '"year":1404')],
            "GET /v1/school-rosters/{year}": [
                TenantProbe("/v1/school-rosters/1404", '"year":1404', is_item=True)
            ],
            "GET /v1/rejections": [
                TenantProbe("/v1/rejections", rejection, role=role) for role in ("admin", "operator")
            ],
            "GET /v1/rejections/{rejection_id}": [
                TenantProbe(f"/v1/rejections/{rejection}", rejection, is_item=True)
            ],
        },
        elsewhere={
            "POST /v1/events",
            "POST /v1/students/{student_id}/erasure",
            "GET /v1/verification/log",
            "POST /v1/verification/read-models",
        },
    )
