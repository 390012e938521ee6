"""Every route of the three services, as their composition roots build them; nothing is started."""

import base64
import json
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI

import services.allocation.app
import services.audit.app
import services.intake.app
from services.allocation.settings import Settings as AllocationSettings
from services.audit.settings import Settings as AuditSettings
from services.intake.append.idempotency import Result
from services.intake.inbox.http import BATCH, BINARY, SINGLE
from services.intake.settings import Settings as IntakeSettings
from shared.http import Caller, require
from shared.http.traffic import DURATION
from tests.bodies import BODIES, sweep_bodies
from tests.centers import LIMITS, REFUSED, require_every_route, sweep_refusals
from tests.parameters import sweep_parameters
from tests.tokens import TestIssuer


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
    return build(service, issuer, tmp_path)


def build(service: str, issuer: TestIssuer, folder: Path, **changes: Any) -> FastAPI:
    common: dict[str, Any] = {
        **changes,
        "database_url": "postgresql://nobody:none@127.0.0.1:1/none",
        "kafka_bootstrap": "127.0.0.1:1",
        "jwks_file": issuer.jwks_file,
        "jwt_issuer": issuer.issuer,
    }
    if service == "allocation":
        return services.allocation.app.build(AllocationSettings(**common))
    if service == "audit":
        return services.audit.app.build(AuditSettings(**common))
    master = folder / "master.key"
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
    body = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    assert set(body) == {SINGLE, BATCH, BINARY}
    assert body[BATCH]["schema"]["items"] == body[SINGLE]["schema"]


async def test_the_document_says_that_metrics_are_text(issuer: TestIssuer, app: FastAPI) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        document = (await client.get("/openapi.json", headers=issuer.headers("admin"))).json()
    assert set(document["paths"]["/metrics"]["get"]["responses"]["200"]["content"]) == {"text/plain"}


async def test_every_route_refuses_a_limited_token_or_is_in_the_table(
    app: FastAPI, issuer: TestIssuer, service: str
) -> None:
    asked = await sweep_refusals(app, issuer, service)
    assert asked == 25 * list(LIMITS[service].values()).count(REFUSED)


async def test_the_sweep_finds_a_route_that_the_table_does_not_name(app: FastAPI, service: str) -> None:
    async def fresh(_caller: Annotated[Caller, Depends(require("operator"))]) -> None:
        """Somebody's new route."""

    app.add_api_route("/v1/fresh", fresh)
    with pytest.raises(AssertionError, match="GET /v1/fresh"):
        require_every_route(app, service)


@pytest.fixture
def statuses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Those that the metrics count."""
    counted: list[int] = []
    monkeypatch.setattr(
        DURATION, "record", lambda _, labels: counted.append(labels["http.response.status_code"])
    )
    return counted


async def test_every_route_with_a_body_knows_its_caller_before_it_reads_and_bounds_what_it_reads(
    app: FastAPI, issuer: TestIssuer, service: str, statuses: list[int]
) -> None:
    asked = await sweep_bodies(app, issuer, service, statuses)
    types = sum(len(types) for types in BODIES[service].values())
    assert asked >= types * (3 * 2 + 2 * 5 + 1)


async def test_the_sweep_finds_a_route_whose_body_fastapi_reads(
    app: FastAPI, issuer: TestIssuer, service: str, statuses: list[int]
) -> None:
    async def fresh(_caller: Annotated[Caller, Depends(require("operator"))], body: dict[str, str]) -> None:
        """Somebody's new route."""

    app.add_api_route("/v1/fresh", fresh, methods=["POST"])
    with pytest.raises(AssertionError, match="/v1/fresh is parsed before"):
        await sweep_bodies(app, issuer, service, statuses)


@pytest.mark.parametrize(
    ("setting", "kind", "limit"),
    [
        ("subject_reads_per_second", "GET", "subject-reads"),
        ("subject_writes_per_second", "PUT", "subject-writes"),
        ("tenant_reads_per_second", "GET", "tenant-reads"),
        ("tenant_writes_per_second", "PUT", "tenant-writes"),
    ],
)
async def test_every_service_refuses_what_is_beyond_each_limit(
    service: str, issuer: TestIssuer, tmp_path: Path, setting: str, kind: str, limit: str
) -> None:
    app = build(service, issuer, tmp_path, **{setting: 1})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        answers = [
            await client.request(kind, "/openapi.json", headers=issuer.headers("admin", sub=f"s{number % 2}"))
            for number in range(100)
        ]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {answer.status_code for answer in answers} == {200 if kind == "GET" else 405, 429}
    assert all(limit in answer.json()["detail"] for answer in refused)
