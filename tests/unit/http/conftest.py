"""A small app with every kind of route, as a service would build it."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter, Depends, FastAPI, Request
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from shared.errors import FieldError, GateClosed, NotFound, Rejected, StalePosition
from shared.http import (
    Caller,
    Health,
    InboxPosition,
    JsonBody,
    LogPosition,
    MinPosition,
    Page,
    PartitionNumber,
    PositiveInt4,
    ShortText,
    TokenVerifier,
    create_app,
    json_response,
    page_response,
    read_body,
    require,
    require_content_type,
    traceparent_of,
)
from shared.telemetry import Telemetry
from tests.tokens import TestIssuer

ROUTES = {
    "GET /v1/students": {"operator", "auditor"},
    "GET /v1/students/{student_id}": {"operator", "auditor"},
    "POST /v1/students/lookup": {"operator"},
    "POST /v1/events": {"upstream"},
    "GET /v1/failures/{kind}": {"operator"},
    "GET /v1/ledger/{partition}": {"auditor"},
    "GET /v1/trace": {"operator"},
}
NUMBERS = list(range(1, 12))


class Positions:
    """Positions that a test moves."""

    def __init__(self) -> None:
        self.reached: dict[tuple[str, int], int] = {("intake", 3): 17}
        self.looks = 0

    async def log(self) -> list[LogPosition]:
        return [LogPosition(partition=0, last=5, published=4)]

    async def inbox(self) -> list[InboxPosition]:
        return [InboxPosition(source="intake", partition=3, applied=17, newest=20)]

    async def applied(self, source: str, partition: int) -> int | None:
        self.looks += 1
        return self.reached.get((source, partition))


class Lookup(BaseModel):
    """A strict body."""

    model_config = ConfigDict(extra="forbid")

    national_id: ShortText
    year: PositiveInt4


LOOKUP = JsonBody(Lookup)

FAILURES: Mapping[str, Exception] = {
    "rejected": Rejected(
        "It does not fit.",
        code="NATIONAL_ID_INVALID",
        errors=(FieldError("/data/national_id", "NATIONAL_ID_INVALID", "It is not valid.", "نادرست است"),),
    ),
    "reused": Rejected("The id was used for other content.", code="ID_REUSED"),
    "missing": NotFound("There is no such student."),
    "closed": GateClosed("the log of intake is closed"),
    "conflict": StalePosition("somebody was first"),
    "away": ConnectionRefusedError("secret"),
    "bug": ValueError("secret 1332073689"),
}


def add_routes(app: FastAPI) -> None:
    """What a service would add."""

    @app.get("/v1/students", dependencies=[MinPosition])
    async def students(
        caller: Annotated[Caller, Depends(require("operator", "auditor"))],
        page: Annotated[Page, Depends()],
        year: PositiveInt4 = 1404,
    ) -> Response:
        mine = NUMBERS if caller.tenant == "default" else []
        after = page.after(tuple[PositiveInt4])
        rows, last = page.split([n for n in mine if after is None or n > after[0]][: page.fetch])
        return page_response(
            page, [{"number": n, "year": year} for n in rows], None if last is None else [last]
        )

    @app.get("/v1/students/{student_id}")
    async def student(
        student_id: PositiveInt4, caller: Annotated[Caller, Depends(require("operator", "auditor"))]
    ) -> Response:
        if caller.tenant != "default":
            raise NotFound("There is no such student.")
        return json_response({"student_id": student_id})

    @app.post("/v1/students/lookup", openapi_extra=LOOKUP.openapi)
    async def lookup(request: Request, _caller: Annotated[Caller, Depends(require("operator"))]) -> Response:
        return json_response({"year": (await LOOKUP.read(request)).year})

    @app.post("/v1/events")
    async def events(request: Request, _caller: Annotated[Caller, Depends(require("upstream"))]) -> Response:
        kind = require_content_type(request, ("application/cloudevents+json",))
        return json_response({"kind": kind, "bytes": len(await read_body(request, 1000))}, 202)

    @app.get("/v1/failures/{kind}")
    async def failures(kind: str, _caller: Annotated[Caller, Depends(require("operator"))]) -> Any:
        raise FAILURES.get(kind, NotFound("There is no such failure."))

    @app.get("/v1/trace")
    async def trace(request: Request, _caller: Annotated[Caller, Depends(require("operator"))]) -> Response:
        return json_response({"traceparent": traceparent_of(request)})

    router = APIRouter(prefix="/v1", dependencies=[Depends(require("auditor"))])

    @router.get("/ledger/{partition}")
    async def ledger(partition: PartitionNumber) -> Response:
        return json_response({"partition": partition})

    app.include_router(router)


@pytest.fixture
def issuer(tmp_path: Path) -> TestIssuer:
    return TestIssuer(tmp_path)


@pytest.fixture
def positions() -> Positions:
    return Positions()


@pytest.fixture
def parts() -> dict[str, str | None]:
    """What the app's readiness says."""
    return {"database": None, "relay": None}


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """The spans of the app."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    return InMemorySpanExporter()


@pytest_asyncio.fixture(loop_scope="session")
async def app(
    issuer: TestIssuer, positions: Positions, parts: dict[str, str | None], exported: InMemorySpanExporter
) -> AsyncIterator[FastAPI]:
    telemetry = Telemetry.start("sample", processor=SimpleSpanProcessor(exported))
    made = create_app(
        title="Sample",
        version="1.2.3",
        lifespan=None,
        verifier=TokenVerifier(issuer.jwks_file, issuer.issuer),
        health=Health(lambda: parts),
        positions=positions,
        telemetry=telemetry,
        position_wait_seconds=0.2,
        max_body_bytes=4000,
    )
    add_routes(made)
    async with made.router.lifespan_context(made):
        yield made
    telemetry.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sample") as made:
        yield made


@pytest.fixture
def operator(issuer: TestIssuer) -> dict[str, str]:
    """An operator's Authorization header."""
    return issuer.headers("operator")
