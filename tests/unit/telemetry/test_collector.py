"""The collector takes what exporters send, and refuses what is none."""

import gzip
from collections.abc import Iterator

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from infra.otel import collector as module
from infra.otel.collector import Collector


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as started:
        yield started


def request_of(count: int) -> bytes:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "audit"
    scope = resource.scope_spans.add()
    for number in range(count):
        scope.spans.add(
            name=f"span {number}", trace_id=bytes(15) + b"\x01", span_id=bytes(7) + b"\x02", kind=2
        )
    return bytes(request.SerializeToString())


@pytest.mark.parametrize("compressed", [False, True])
async def test_an_export_is_kept(collector: Collector, compressed: bool) -> None:
    body, headers = request_of(2), {}
    if compressed:
        body, headers = gzip.compress(body), {"content-encoding": "gzip"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{collector.endpoint}/v1/traces", content=body, headers=headers)
    assert answer.status_code == 200
    first, second = collector.spans()
    assert (first.service, first.name, first.trace_id[-2:], first.parent_id, first.kind) == (
        "audit", "span 0", "01", "", "SERVER",
    )  # fmt: skip
    assert second.name == "span 1"


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/v1/logs", b"x", {}, 404),
        ("/v1/traces", b"", {}, 413),
        ("/v1/traces", b"\xff\xff", {}, 400),
        ("/v1/traces", b"\xff\xff", {"content-encoding": "gzip"}, 400),
    ],
)
async def test_what_is_no_export_is_refused(
    collector: Collector, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{collector.endpoint}{path}", content=body, headers=headers)
    assert answer.status_code == status
    assert not collector.spans()


async def test_what_it_keeps_is_bounded(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SPANS", 3)
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(2):
            answer = await client.post(f"{collector.endpoint}/v1/traces", content=request_of(2))
            assert answer.status_code == 200
    assert len(collector.spans()) == 3


def test_waiting_ends_when_the_time_is_up(collector: Collector) -> None:
    assert not collector.wait_for(lambda spans: bool(spans), seconds=0.05)
