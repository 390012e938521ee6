"""Requests that the edge refuses: what is answered, what is logged, and what is not counted as a server's error."""

import gc
import weakref

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message, Scope
from structlog.testing import capture_logs

from shared.http import Health, TokenVerifier, create_app
from shared.http.auth.callers import Caller
from shared.http.bodies import BodiesInFlight, BoundedBody
from shared.http.refusals import BURST_LINES, LINES_PER_SECOND, RefusalLog
from shared.http.scope import CALLER
from shared.http.server.connection_limits import TOO_MANY_CONNECTIONS, refusal_bytes
from shared.http.traffic import DURATION
from tests.tokens import TestIssuer
from tests.unit.http.conftest import Positions

EVENT = "application/cloudevents+json"


@pytest.fixture
def upstream(issuer: TestIssuer) -> dict[str, str]:
    return {**issuer.headers("upstream", sub="feeder-7"), "content-type": EVENT}


async def test_a_request_without_a_body_is_400(client: httpx.AsyncClient, upstream: dict[str, str]) -> None:
    answer = await client.post("/v1/events", content=b"", headers=upstream)
    assert (answer.status_code, answer.json()["code"]) == (400, "BODY_MISSING")


async def test_a_body_shorter_than_its_length_is_400(
    client: httpx.AsyncClient, upstream: dict[str, str]
) -> None:
    answer = await client.post("/v1/events", content=b"{}", headers={**upstream, "content-length": "3"})
    assert (answer.status_code, answer.json().get("code")) == (400, "BODY_INCOMPLETE")


async def test_a_byte_order_mark_is_not_part_of_the_body(
    client: httpx.AsyncClient, upstream: dict[str, str]
) -> None:
    answer = await client.post("/v1/events", content=b"\xef\xbb\xbf{}", headers=upstream)
    assert (answer.status_code, answer.json()["bytes"]) == (202, 2)


@pytest.mark.parametrize(
    ("encoding", "status"),
    [("gzip", 415), ("br", 415), ("identity, gzip", 415), ("identity", 202), (" Identity ", 202)],
)
async def test_a_compressed_body_is_refused(
    client: httpx.AsyncClient, upstream: dict[str, str], encoding: str, status: int
) -> None:
    answer = await client.post(
        "/v1/events", content=b"{}", headers={**upstream, "content-encoding": encoding}
    )
    assert answer.status_code == status
    if status == 415:
        assert answer.json()["code"] == "ENCODING_UNSUPPORTED"


@pytest.mark.parametrize("path", ["/healthz", "/v1/students", "/nowhere", "/v1/failures/bug"])
async def test_every_answer_carries_the_security_headers(
    client: httpx.AsyncClient, operator: dict[str, str], path: str
) -> None:
    for headers in (operator, {}):
        require_security_headers((await client.get(path, headers=headers)).headers)


def require_security_headers(headers: httpx.Headers) -> None:
    assert headers.get_list("cache-control") == ["no-store"]
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers.get_list("content-security-policy") == ["default-src 'none'; frame-ancestors 'none'"]
    assert headers.get_list("referrer-policy") == ["no-referrer"]
    assert "server" not in headers


def test_the_answer_of_a_refused_connection_carries_the_security_headers() -> None:
    head, _, _ = refusal_bytes(*TOO_MANY_CONNECTIONS).partition(b"\r\n\r\n")
    fields = [tuple(line.split(": ", 1)) for line in head.decode("ascii").split("\r\n")[1:]]
    require_security_headers(httpx.Headers([(name, value) for name, value in fields]))


async def test_a_refused_request_is_one_line_with_the_trace_of_its_problem(
    client: httpx.AsyncClient, upstream: dict[str, str]
) -> None:
    with capture_logs() as lines:
        answer = await client.post("/v1/events", content=b"", headers=upstream)
    assert lines == [
        {
            "event": "request_refused",
            "log_level": "warning",
            "code": "BODY_MISSING",
            "method": "POST",
            "route": "/v1/events",
            "status": 400,
            "subject": "feeder-7",
            "tenant": "default",
            "trace_id": answer.json()["trace_id"],
        }
    ]


async def test_401_and_403_are_security_events_that_name_the_reason_and_no_token(
    client: httpx.AsyncClient, issuer: TestIssuer
) -> None:
    expired = issuer.headers("operator", exp=1)
    with capture_logs() as lines:
        await client.get("/v1/students")
        await client.get("/v1/students", headers=expired)
        await client.get("/v1/students", headers=issuer.headers("upstream", sub="feeder-7"))
        await client.get("/v1/students", headers=issuer.headers("operator", sub="ali", centers=[1]))
    assert [(line["event"], line.get("reason"), line.get("subject")) for line in lines] == [
        ("authentication_failed", "token_missing", None),
        ("authentication_failed", "expired", None),
        ("authorization_failed", "role", "feeder-7"),
        ("authorization_failed", "centers", "ali"),
    ]
    token = expired["Authorization"].removeprefix("Bearer ")
    assert token not in repr(lines)


def test_a_flood_of_refusals_writes_a_bounded_number_of_lines() -> None:
    now = 0.0
    log = RefusalLog(lambda: now)
    scope: Scope = {"type": "http"}
    with capture_logs() as lines:
        for _ in range(1000):
            log.write(scope, "GET", 404, None)
        assert len(lines) == BURST_LINES
        now = 1.0
        for _ in range(1000):
            log.write(scope, "GET", 404, None)
    assert len(lines) == BURST_LINES + LINES_PER_SECOND
    assert lines[int(BURST_LINES)]["suppressed"] == 1000 - BURST_LINES


def test_a_flood_without_tokens_hides_no_refusal_of_a_caller() -> None:
    log = RefusalLog(lambda: 0.0)
    caller = Caller("default", "feeder-7", frozenset({"upstream"}))
    with capture_logs() as lines:
        for _ in range(1000):
            log.write({"type": "http"}, "GET", 401, "token_missing")
        for _ in range(1000):
            log.write({"type": "http", CALLER: caller}, "GET", 403, "role")
        log.write({"type": "http"}, "GET", 401, "token_missing")
    assert [line.get("subject") for line in lines] == [None] * int(BURST_LINES) + ["feeder-7"] * int(
        BURST_LINES
    )
    assert not any("suppressed" in line for line in lines)


async def test_an_aborted_upload_is_499_without_an_error(
    app: FastAPI, upstream: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses: list[object] = []
    monkeypatch.setattr(
        DURATION, "record", lambda _, labels: statuses.append(labels["http.response.status_code"])
    )
    messages: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        pytest.fail(f"answered {message}")

    headers = [(name.lower().encode(), value.encode()) for name, value in upstream.items()]
    scope: Scope = {
        "type": "http", "method": "POST", "path": "/v1/events", "raw_path": b"/v1/events", "query_string": b"",
        "headers": headers, "http_version": "1.1", "scheme": "http",
    }  # fmt: skip
    with capture_logs() as lines:
        await app(scope, receive, send)
    assert statuses == [499]
    assert [line["event"] for line in lines] == ["request_refused"]


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        ("/v1/events", (b"x", b"no token"), 401),
        ("/v1/events", (b"authorization", b"Bearer garbage"), 401),
        ("/healthz", (b"content-length", b"9999"), 413),
        ("/healthz", (b"content-encoding", b"gzip"), 415),
        ("/nowhere\x00", (b"x", b"unreadable path"), 400),
    ],
)
async def test_nothing_of_a_refused_request_waits_for_the_garbage_collector(
    app: FastAPI, path: str, header: tuple[bytes, bytes], status: int
) -> None:
    class Body:
        """As a connection holds it; referenced by the `receive` of its request alone."""

        async def receive(self) -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

    statuses: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope: Scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [header], "scheme": "http", "http_version": "1.1", "server": ("x", 80),
    }  # fmt: skip
    body = Body()
    held = weakref.ref(body)
    gc.disable()
    try:
        await app(scope, body.receive, send)
        del body, scope
        assert (statuses, held()) == ([status], None)
    finally:
        gc.enable()


async def test_bodies_of_all_requests_together_are_bounded() -> None:
    in_flight = BodiesInFlight(10)
    assert in_flight.add(6)
    assert not in_flight.add(5)
    assert in_flight.add(4)
    in_flight.release(6)
    assert in_flight.add(5)


async def test_a_body_that_does_not_fit_beside_the_others_is_503_and_gives_back_what_it_held(
    client: httpx.AsyncClient, upstream: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BodiesInFlight, "add", lambda _self, _count: False)
    answer = await client.post("/v1/events", content=b"{}", headers=upstream)
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert answer.headers["retry-after"] == "1"
    monkeypatch.undo()
    in_flight = BodiesInFlight(10)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"12345", "more_body": True}

    body = BoundedBody(receive, 100, in_flight)
    await body.receive()
    await body.receive()
    assert not in_flight.add(1)
    body.release()
    assert in_flight.add(10)


async def test_browsers_may_call_from_the_origins_that_are_set_and_from_no_other(
    issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[object] = []
    monkeypatch.setattr(
        DURATION, "record", lambda _, labels: measured.append(labels["http.response.status_code"])
    )
    app = create_app(
        title="Sample",
        version="1",
        lifespan=None,
        verifier=TokenVerifier(issuer.jwks_file, issuer.issuer),
        health=Health(dict),
        positions=Positions(),
        cors_origins=("https://console.example",),
    )
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sample") as client:
        preflight = await client.options("/healthz", headers={"origin": "https://console.example", **asked})
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "https://console.example"
        foreign = await client.options("/healthz", headers={"origin": "https://other.example", **asked})
        assert (foreign.status_code, "access-control-allow-origin" in foreign.headers) == (400, False)
        health = await client.get("/healthz", headers={"origin": "https://console.example"})
        assert health.headers["access-control-allow-origin"] == "https://console.example"
    for answer in (preflight, foreign, health):
        require_security_headers(answer.headers)
    assert measured == [200, 400, 200]


async def test_without_the_setting_a_preflight_is_refused_like_any_request(client: httpx.AsyncClient) -> None:
    preflight = await client.options(
        "/v1/students",
        headers={"origin": "https://console.example", "access-control-request-method": "GET"},
    )
    assert (preflight.status_code, "access-control-allow-origin" in preflight.headers) == (401, False)
