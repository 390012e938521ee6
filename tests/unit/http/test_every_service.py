"""Every route of the three services, as their composition roots build them; nothing is started."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

import services.allocation.app
import services.audit.app
import services.intake.app
from services.allocation.settings import Settings as AllocationSettings
from services.audit.settings import Settings as AuditSettings
from services.intake.append.result import Result
from services.intake.settings import Settings as IntakeSettings
from shared.http.callers import CenterLimit
from shared.http.roles import OPEN_PATHS, access_of
from tests.parameters import sweep_parameters
from tests.tokens import TestIssuer

APPLIED, UNAFFECTED, REFUSED = CenterLimit.APPLIED, CenterLimit.UNAFFECTED, CenterLimit.REFUSED
COMMON: Final = {
    "GET /metrics": UNAFFECTED,
    "GET /openapi.json": UNAFFECTED,
    "GET /v1/positions": UNAFFECTED,
}
LIMITS: Final[Mapping[str, Mapping[str, CenterLimit]]] = {
    "intake": {
        "POST /v1/events": REFUSED,
        "POST /v1/events/lookup": REFUSED,
        "GET /v1/students": APPLIED,
        "GET /v1/students/{student_id}": APPLIED,
        "POST /v1/students/lookup": APPLIED,
        "POST /v1/students/{student_id}/erasure": REFUSED,
        "GET /v1/mentors": APPLIED,
        "GET /v1/mentors/{mentor_id}": APPLIED,
        "GET /v1/managers": APPLIED,
        "GET /v1/managers/{manager_id}": APPLIED,
        "GET /v1/school-rosters": UNAFFECTED,
        "GET /v1/school-rosters/{year}": UNAFFECTED,
        "GET /v1/rejections": APPLIED,
        "GET /v1/rejections/{rejection_id}": APPLIED,
    },
    "allocation": {
        "GET /v1/allocations": APPLIED,
        "GET /v1/allocations/{student_id}": APPLIED,
        "GET /v1/waitlist": APPLIED,
        "GET /v1/mentors": APPLIED,
        "GET /v1/mentors/{mentor_id}": APPLIED,
        "GET /v1/mentors/{mentor_id}/students": APPLIED,
        "GET /v1/summary": APPLIED,
    },
    "audit": {
        "GET /v1/records": REFUSED,
        "GET /v1/records/{source}/{partition}/{sequence}": REFUSED,
        "POST /v1/verifications": REFUSED,
    },
}


@pytest.fixture
def issuer(tmp_path: Path) -> TestIssuer:
    return TestIssuer(tmp_path)


@pytest.fixture(params=sorted(LIMITS))
def service(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def app(service: str, issuer: TestIssuer, tmp_path: Path) -> FastAPI:
    """The service's app, of which no server is asked: what is refused here never reaches one."""
    common: dict[str, Any] = {
        "database_url": "postgresql://nobody:none@127.0.0.1:1/none",
        "kafka_bootstrap": "127.0.0.1:1",
        "jwks_file": issuer.jwks_file,
        "jwt_issuer": issuer.issuer,
    }
    if service == "allocation":
        return services.allocation.app.build(AllocationSettings(**common))
    if service == "audit":
        return services.audit.app.build(AuditSettings(**common))
    master = tmp_path / "master.key"
    master.write_bytes(base64.b64encode(bytes(32)))
    settings = IntakeSettings(**common, master_key_file=master, sources={"/upstream": "default"})
    return services.intake.app.build(settings)


async def test_every_route_refuses_parameters_that_it_does_not_declare(
    app: FastAPI, issuer: TestIssuer
) -> None:
    assert await sweep_parameters(app, issuer) > 20


async def test_the_422_of_a_rejected_event_is_described_as_it_is_answered(
    issuer: TestIssuer, app: FastAPI, service: str
) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        document = (await client.get("/openapi.json", headers=issuer.headers("admin"))).json()
    if service != "intake":
        assert "/v1/events" not in document["paths"]
        return
    responses = document["paths"]["/v1/events"]["post"]["responses"]
    assert set(responses["422"]["content"]) == {"application/json", "application/problem+json"}
    rejected = responses["422"]["content"]["application/json"]["schema"]
    assert set(rejected["properties"]) == set(Result.__struct_fields__)
    assert "$ref" not in json.dumps(rejected)


async def test_every_route_is_in_the_table_of_centre_limits(app: FastAPI, service: str) -> None:
    declared = {
        f"{method} {route.path_format}": access.centers
        for route in iter_route_contexts(app.routes)
        if route.path not in OPEN_PATHS and (access := access_of(route)) is not None
        for method in route.methods or ()
    }
    assert declared == {**COMMON, **LIMITS[service]}
