"""The frame behind the server that the services run with, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

import httpx
import pytest
import pytest_asyncio
from fastapi import Depends, FastAPI, Request
from starlette.responses import Response, StreamingResponse

from shared.http import (
    Caller,
    Health,
    InboxPosition,
    LogPosition,
    TokenVerifier,
    create_app,
    json_response,
    read_body,
    require,
    traceparent_of,
)
from shared.telemetry import Telemetry
from tests.otlp import Collector, running_collector
from tests.serving import served
from tests.sweep import sweep
from tests.tokens import TestIssuer

LIMIT = 100_000
SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ROUTES = {"POST /v1/events": {"upstream"}, "GET /v1/broken": {"operator"}}


class NoPositions:
    """A service that follows nothing."""

    async def log(self) -> list[LogPosition]:
        return []

    async def inbox(self) -> list[InboxPosition]:
        return []

    async def applied(self, source: str, partition: int) -> int | None:
        return None


def build(issuer: TestIssuer, telemetry: Telemetry) -> FastAPI:
    app = create_app(
        title="Sample",
        version="1",
        lifespan=None,
        verifier=TokenVerifier(issuer.jwks_file, issuer.issuer),
        health=Health(dict),
        positions=NoPositions(),
        telemetry=telemetry,
        max_body_bytes=LIMIT,
    )

    @app.post("/v1/events")
    async def events(request: Request, _caller: Annotated[Caller, Depends(require("upstream"))]) -> Response:
        return json_response(
            {"bytes": len(await read_body(request, LIMIT)), "traceparent": traceparent_of(request)}, 202
        )

    @app.get("/v1/broken")
    async def broken(
        _caller: Annotated[Caller, Depends(require("operator"))], break_off: bool = False
    ) -> Response:
        async def content() -> AsyncIterator[bytes]:
            yield b"begun"
            if break_off:
                raise ValueError("1332073689")

        return StreamingResponse(content())

    return app


@pytest.fixture
def issuer(tmp_path: Path) -> TestIssuer:
    return TestIssuer(tmp_path)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with running_collector(monkeypatch) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def address(issuer: TestIssuer, collector: Collector) -> AsyncIterator[str]:
    """The running server's address."""
    telemetry = Telemetry.start("sample")
    async with served(build(issuer, telemetry)) as address:
        yield address
    telemetry.stop()


async def chunks(size: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def test_every_route_is_swept_over_the_network(address: str, issuer: TestIssuer) -> None:
    assert await sweep(address, issuer, ROUTES) > 100
    with pytest.raises(AssertionError, match="POST /v1/events"):
        await sweep(address, issuer, {"GET /v1/broken": {"operator"}})


async def test_bodies_of_any_framing_are_read_and_bounded(address: str, issuer: TestIssuer) -> None:
    async with httpx.AsyncClient(
        base_url=address, trust_env=False, headers=issuer.headers("upstream")
    ) as client:
        for content in (b"x" * LIMIT, chunks(1000, LIMIT // 1000)):
            answer = await client.post("/v1/events", content=content)
            assert (answer.status_code, answer.json()["bytes"]) == (202, LIMIT)
        for content in (b"x" * (LIMIT + 1), chunks(1000, LIMIT // 1000 + 1)):
            answer = await client.post("/v1/events", content=content)
            assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")
        assert (await client.get("/healthz")).status_code == 200


async def test_an_answer_that_fails_half_way_is_broken_off(address: str, issuer: TestIssuer) -> None:
    async with httpx.AsyncClient(
        base_url=address, trust_env=False, headers=issuer.headers("operator")
    ) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/v1/broken?break_off=true")
        assert (await client.get("/healthz")).status_code == 200


async def test_a_traced_request_is_one_trace_at_the_collector(
    address: str, issuer: TestIssuer, collector: Collector
) -> None:
    headers = {**issuer.headers("upstream"), "traceparent": SAMPLED}
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        answer = await client.post("/v1/events", content=b"{}", headers=headers)
    arrived = await asyncio.to_thread(collector.wait_for, lambda spans: bool(spans), 5)
    assert arrived
    (span,) = collector.trace(SAMPLED[3:35])
    assert (span.service, span.name, span.kind) == ("sample", "POST /v1/events", "SERVER")
    assert span.parent_id == SAMPLED[36:52]
    assert answer.json()["traceparent"] == f"00-{span.trace_id}-{span.span_id}-01"
    assert span.attributes == {
        "http.request.method": "POST",
        "url.scheme": "http",
        "http.route": "/v1/events",
        "http.response.status_code": 202,
    }


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n",
        b"GET /%ff%fe%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/events?%ff=%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999\r\n\r\n",
    ],
)
async def test_odd_requests_are_answered(address: str, raw: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    writer.write(raw)
    status = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    await writer.wait_closed()
    assert status.split()[1] in (b"400", b"401"), status
