"""Another tenant's rows do not exist, on every route of allocation."""

from tests.chains import student
from tests.integration.allocation.running import Service
from tests.integration.allocation.test_centers import planted
from tests.tenants import TenantProbe, sweep_tenants


async def test_no_route_shows_another_tenants_rows(service: Service) -> None:
    await planted(service)
    has, waits = student(1).student_id, student(3).student_id
    await sweep_tenants(
        service.app,
        service.issuer,
        "allocation",
        {
            "GET /v1/allocations": [
                TenantProbe("/v1/allocations?year=1404", has),
                TenantProbe("/v1/allocations?year=1404&status=assigned", has),
            ],
            "GET /v1/allocations/{student_id}": [TenantProbe(f"/v1/allocations/{has}", has, is_item=True)],
            "GET /v1/waitlist": [TenantProbe("/v1/waitlist", waits)],
            "GET /v1/mentors": [TenantProbe("/v1/mentors?year=1404", '"mentor_id":900')],
            "GET /v1/mentors/{mentor_id}": [
                TenantProbe("/v1/mentors/900?year=1404", '"mentor_id":900', is_item=True)
            ],
            "GET /v1/mentors/{mentor_id}/students": [
                TenantProbe("/v1/mentors/900/students", has, is_item=True)
            ],
            "GET /v1/summary": [TenantProbe("/v1/summary?year=1404", '"assigned":2')],
        },
        elsewhere={"GET /v1/verification/log", "POST /v1/verification/read-models"},
    )
