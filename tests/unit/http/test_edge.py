"""The edge: bounded bodies, health, metrics by route, and the trace's context."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client.parser import text_string_to_metric_families

from shared.http.health import Health, readiness
from shared.telemetry import accept_traceparent, is_sampled
from tests.tokens import TestIssuer

SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
EVENT = "application/cloudevents+json"


async def chunks(size: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


@pytest.fixture
def upstream(issuer: TestIssuer) -> dict[str, str]:
    return {**issuer.headers("upstream"), "content-type": EVENT}


@pytest.mark.parametrize("size", [1, 1000])
async def test_a_body_within_the_limit_is_read(
    client: httpx.AsyncClient, upstream: dict[str, str], size: int
) -> None:
    whole = await client.post("/v1/events", content=b"x" * size, headers=upstream)
    assert (whole.status_code, whole.json()) == (202, {"kind": EVENT, "bytes": size})
    streamed = await client.post("/v1/events", content=chunks(1, size), headers=upstream)
    assert (streamed.status_code, streamed.json()["bytes"]) == (202, size)


@pytest.mark.parametrize("size", [1001, 4000, 4001, 100_000])
async def test_a_body_beyond_the_limit_is_refused_with_and_without_a_length(
    client: httpx.AsyncClient, upstream: dict[str, str], size: int
) -> None:
    for content in (b"x" * size, chunks(size // 10 + 1, 10)):
        answer = await client.post("/v1/events", content=content, headers=upstream)
        assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


async def test_a_body_that_fastapi_reads_is_bounded_too(
    client: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    headers = {**operator, "content-type": "application/json"}
    for content in (b"x" * 4001, chunks(1000, 5)):
        answer = await client.post("/v1/students/lookup", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


async def test_a_length_that_lies_does_not_lift_the_limit(
    client: httpx.AsyncClient, upstream: dict[str, str]
) -> None:
    answer = await client.post(
        "/v1/events", content=chunks(1000, 5), headers={**upstream, "content-length": "5"}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("length", ["9" * 5000, "9" * 19])
async def test_a_length_of_many_digits_is_too_large(
    client: httpx.AsyncClient, upstream: dict[str, str], length: str
) -> None:
    answer = await client.post(
        "/v1/events", content=chunks(1, 1), headers={**upstream, "content-length": length}
    )
    assert answer.status_code == 413


async def test_without_a_token_nothing_of_a_body_is_read(app: FastAPI) -> None:
    async def body() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sample") as client:
        answer = await client.post("/v1/students/lookup", content=body())
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (EVENT, 202),
        ("Application/CloudEvents+JSON; charset=UTF-8", 202),
        (f'{EVENT};charset="utf-8"', 202),
        (f"{EVENT}; charset=latin-1", 415),
        ("application/json", 415),
        ("text/plain", 415),
        ("", 415),
    ],
)
async def test_a_body_of_another_type_is_refused(
    client: httpx.AsyncClient, upstream: dict[str, str], given: str, status: int
) -> None:
    answer = await client.post("/v1/events", content=b"{}", headers={**upstream, "content-type": given})
    assert answer.status_code == status
    if status == 415:
        assert answer.json()["code"] == "CONTENT_TYPE_UNSUPPORTED"


async def test_health_needs_no_token_and_readiness_says_what_is_missing(
    client: httpx.AsyncClient, parts: dict[str, str | None]
) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    ready = await client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    parts["relay"] = "the gate is closed"
    not_ready = await client.get("/readyz")
    assert not_ready.status_code == 503
    assert not_ready.json() == {
        "status": "not ready",
        "parts": {"database": None, "relay": "the gate is closed"},
    }
    assert (await client.get("/healthz")).status_code == 200


def test_what_is_held_is_told_and_does_not_make_a_service_unready() -> None:
    answer = readiness(Health(lambda: {"inbox": None}, lambda: ["partition 3 is held"]))
    assert answer.status_code == 200
    assert json.loads(bytes(answer.body)) == {
        "status": "ready",
        "parts": {"inbox": None},
        "held": ["partition 3 is held"],
    }


async def test_requests_are_counted_by_route_template(client: httpx.AsyncClient, issuer: TestIssuer) -> None:
    auditor = issuer.headers("auditor")
    for path in ("/v1/students/12", "/v1/students/13", "/v1/ledger/3", "/nowhere-at-all"):
        await client.get(path, headers=auditor)
    answer = await client.get("/metrics", headers=issuer.headers("metrics"))
    assert answer.headers["content-type"].startswith("text/plain")
    counted = [
        sample.labels
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == "http_server_request_duration_seconds_count"
    ]
    for route, status in (
        ("/v1/students/{student_id}", "200"),
        ("/v1/ledger/{partition}", "200"),
        ("", "404"),
    ):
        assert any(
            labels.items() >= {
                "http_request_method": "GET", "http_route": route, "http_response_status_code": status,
                "url_scheme": "http", "error_type": "",
            }.items()
            for labels in counted
        )  # fmt: skip
    assert "process_resident_memory_bytes" in answer.text
    assert "nowhere-at-all" not in answer.text
    assert "students/12" not in answer.text


async def test_an_unknown_method_does_not_make_a_metric_of_its_own(
    client: httpx.AsyncClient, issuer: TestIssuer
) -> None:
    await client.request("BREW", "/v1/students", headers=issuer.headers("operator"))
    answer = await client.get("/metrics", headers=issuer.headers("metrics"))
    assert 'http_request_method="_OTHER"' in answer.text
    assert "BREW" not in answer.text


async def test_a_sampled_context_makes_a_server_span(
    client: httpx.AsyncClient, operator: dict[str, str], exported: InMemorySpanExporter
) -> None:
    answer = await client.get("/v1/trace", headers={**operator, "traceparent": SAMPLED})
    (span,) = exported.get_finished_spans()
    assert span.name == "GET /v1/trace"
    assert span.kind is SpanKind.SERVER
    assert span.context is not None
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}-{span.parent.span_id:016x}" == SAMPLED[3:52]
    assert answer.json()["traceparent"] == f"00-{SAMPLED[3:35]}-{span.context.span_id:016x}-01"
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "http.route": "/v1/trace",
        "http.response.status_code": 200,
    }
    assert span.status.status_code is StatusCode.UNSET


async def test_a_span_tells_neither_the_address_nor_a_method_of_the_callers_own(
    client: httpx.AsyncClient, operator: dict[str, str], exported: InMemorySpanExporter
) -> None:
    headers = {**operator, "traceparent": SAMPLED}
    await client.request("S0084575948", "/v1/students/0084575948?national_id=0084575948", headers=headers)
    await client.get("/0084575948", headers=headers)
    assert [span.name for span in exported.get_finished_spans()][1:] == ["GET"]
    assert exported.get_finished_spans()[0].name.startswith("HTTP")
    for span in exported.get_finished_spans():
        assert "0084575948" not in span.to_json()


async def test_a_failed_request_is_a_failed_span_without_its_message(
    client: httpx.AsyncClient, operator: dict[str, str], exported: InMemorySpanExporter
) -> None:
    answer = await client.get("/v1/failures/bug", headers={**operator, "traceparent": SAMPLED})
    (span,) = exported.get_finished_spans()
    assert answer.json()["trace_id"] == SAMPLED[3:35]
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert not span.events


async def test_an_unsampled_context_is_handed_on_unchanged(
    client: httpx.AsyncClient, operator: dict[str, str], exported: InMemorySpanExporter
) -> None:
    answer = await client.get("/v1/trace", headers={**operator, "traceparent": UNSAMPLED})
    assert answer.json()["traceparent"] == UNSAMPLED
    assert not exported.get_finished_spans()


@pytest.mark.parametrize("given", [None, "", "00-0-0-01", SAMPLED[:-1], SAMPLED.upper(), f"{SAMPLED}-x"])
async def test_without_a_valid_context_a_new_one_is_made(
    client: httpx.AsyncClient, operator: dict[str, str], given: str | None
) -> None:
    headers = operator if given is None else {**operator, "traceparent": given}
    made = (await client.get("/v1/trace", headers=headers)).json()["traceparent"]
    assert accept_traceparent(made) == made
    assert not is_sampled(made)
    assert made[3:35] != SAMPLED[3:35]


async def test_two_contexts_are_none(client: httpx.AsyncClient, operator: dict[str, str]) -> None:
    headers = [*operator.items(), ("traceparent", UNSAMPLED), ("traceparent", UNSAMPLED)]
    made = (await client.get("/v1/trace", headers=headers)).json()["traceparent"]
    assert made[3:35] != UNSAMPLED[3:35]
