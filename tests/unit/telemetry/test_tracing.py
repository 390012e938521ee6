"""Spans: parent and child over services, nothing for what is not sampled, and no exporter unless asked for."""

import socket
import threading
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from shared.telemetry import (
    Attributes,
    SpanKind,
    Telemetry,
    accept_traceparent,
    current_traceparent,
    is_sampled,
    tracing,
)
from tests.otlp import Collector, running_collector

SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_TRACES_SAMPLER",
        "OTEL_SDK_DISABLED",
        "OTEL_SERVICE_NAME",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def telemetry(exported: InMemorySpanExporter) -> Iterator[Telemetry]:
    made = Telemetry.start("intake", processor=SimpleSpanProcessor(exported))
    yield made
    made.stop()


def ids(span: ReadableSpan) -> tuple[str, str | None]:
    """The span's traceparent, and its parent's span id."""
    assert span.context is not None
    name = f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"
    return name, f"{span.parent.span_id:016x}" if span.parent else None


def test_spans_are_children_of_what_was_handed_on(
    telemetry: Telemetry, exported: InMemorySpanExporter
) -> None:
    with telemetry.record_span("process", SAMPLED, SpanKind.CONSUMER, {"messaging.system": "kafka"}) as first:
        with telemetry.record_span("append student.registered", first) as second:
            assert current_traceparent.get() == second
        assert current_traceparent.get() == first
    assert current_traceparent.get() is None
    inner, outer = exported.get_finished_spans()
    assert ids(outer) == (first, SAMPLED[36:52])
    assert ids(inner) == (second, first[36:52])
    assert {first[:36], second[:36]} == {SAMPLED[:36]}
    assert (outer.kind, inner.kind) == (SpanKind.CONSUMER, SpanKind.INTERNAL)
    assert dict(outer.attributes or {}) == {"messaging.system": "kafka"}
    assert outer.resource.attributes["service.name"] == "intake"
    assert outer.resource.attributes["service.namespace"] == "rahnama"


def test_what_is_not_sampled_is_handed_on_unchanged(
    telemetry: Telemetry, exported: InMemorySpanExporter
) -> None:
    with telemetry.record_span("process", UNSAMPLED) as carried:
        assert carried == UNSAMPLED
    assert telemetry.begin("process", UNSAMPLED) is None
    assert not exported.get_finished_spans()


def test_without_a_context_a_root_is_recorded(telemetry: Telemetry, exported: InMemorySpanExporter) -> None:
    with telemetry.record_span("process", None) as carried:
        assert is_sampled(carried)
    (span,) = exported.get_finished_spans()
    assert ids(span) == (carried, None)


@pytest.mark.parametrize("broken", ["", "x", "1" * 55, "1" * 54, f"{SAMPLED[:35]}-{'x' * 16}-01"])
def test_a_broken_context_breaks_nothing(
    telemetry: Telemetry, exported: InMemorySpanExporter, broken: str
) -> None:
    with telemetry.record_span("process", broken):
        pass
    assert all(span.parent is None for span in exported.get_finished_spans())


def test_an_error_marks_the_span_and_passes_without_its_message(
    telemetry: Telemetry, exported: InMemorySpanExporter
) -> None:
    with pytest.raises(ValueError, match="1332073689"), telemetry.record_span("process", SAMPLED):
        raise ValueError("1332073689")
    (span,) = exported.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert "1332073689" not in span.to_json()
    assert (span.attributes or {})["error.type"] == "ValueError"


def test_a_batch_begins_its_spans_and_ends_them_after_the_commit(
    telemetry: Telemetry, exported: InMemorySpanExporter
) -> None:
    spans = [telemetry.begin("process", each, SpanKind.CONSUMER) for each in (SAMPLED, UNSAMPLED, SAMPLED)]
    assert [span is not None for span in spans] == [True, False, True]
    assert not exported.get_finished_spans()
    for span in spans:
        if span is not None:
            span.end()
    assert len(exported.get_finished_spans()) == 2


@pytest.mark.parametrize(
    ("sampler", "argument", "given", "recorded"),
    [
        ("always_on", "", UNSAMPLED, True),
        ("always_off", "", SAMPLED, False),
        ("parentbased_always_off", "", SAMPLED, True),
        ("parentbased_always_off", "", None, False),
        ("parentbased_always_on", "", None, True),
        ("parentbased_traceidratio", "0", None, False),
        ("parentbased_traceidratio", "1", None, True),
        ("parentbased_traceidratio", "1", UNSAMPLED, False),
        ("traceidratio", "0", SAMPLED, False),
    ],
)
def test_the_standard_samplers_decide(
    monkeypatch: pytest.MonkeyPatch, sampler: str, argument: str, given: str | None, recorded: bool
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    exporter = InMemorySpanExporter()
    telemetry = Telemetry.start("intake", processor=SimpleSpanProcessor(exporter))
    with telemetry.record_span("process", given) as carried:
        assert accept_traceparent(carried) == carried
    assert bool(exporter.get_finished_spans()) == recorded
    if given is None:
        assert is_sampled(carried) == recorded
    telemetry.stop()


def test_a_ratio_samples_about_as_many_new_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
    telemetry = Telemetry.start("intake", processor=SimpleSpanProcessor(InMemorySpanExporter()))
    sampled = 0
    for _ in range(4000):
        with telemetry.record_span("process", None) as carried:
            sampled += is_sampled(carried)
    assert 800 < sampled < 1200
    telemetry.stop()


@pytest.mark.parametrize(
    ("name", "value"),
    [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "")],
)
def test_without_an_exporter_contexts_are_handed_on_and_nothing_is_made(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv(name, value)
    before = threading.active_count()
    telemetry = Telemetry.start("intake")
    assert not telemetry.is_recording
    assert threading.active_count() == before
    for given in (SAMPLED, UNSAMPLED):
        with telemetry.record_span("process", given) as carried:
            assert carried == given
    with telemetry.record_span("process", None) as carried:
        assert not is_sampled(carried)
    telemetry.stop()


def test_an_unknown_protocol_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
    with pytest.raises(ValueError, match="OTEL_EXPORTER_OTLP_PROTOCOL"):
        Telemetry.start("intake")


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with running_collector(monkeypatch) as started:
        yield started


def test_spans_of_three_services_reach_the_collector_as_one_trace(collector: Collector) -> None:
    services = [Telemetry.start(name) for name in ("intake", "allocation", "audit")]
    carried = SAMPLED
    for telemetry in services:
        attributes: Attributes = {"messaging.kafka.offset": 17, "messaging.system": "kafka", "ok": True}
        with telemetry.record_span("process", carried, SpanKind.CONSUMER, attributes) as handed_on:
            carried = handed_on
    for telemetry in services:
        telemetry.stop()
    assert collector.wait_for(lambda spans: len(spans) == 3, seconds=5)
    spans = collector.trace(SAMPLED[3:35])
    assert [span.service for span in spans] == ["intake", "allocation", "audit"]
    assert [span.parent_id for span in spans] == [SAMPLED[36:52], spans[0].span_id, spans[1].span_id]
    assert {span.kind for span in spans} == {"CONSUMER"}
    assert spans[0].attributes == {"messaging.kafka.offset": 17, "messaging.system": "kafka", "ok": True}
    assert all(0 < span.start_ns <= span.end_ns and not span.failed for span in spans)


def test_spans_are_exported_while_the_service_runs(collector: Collector) -> None:
    telemetry = Telemetry.start("intake")
    with telemetry.record_span("process", SAMPLED):
        pass
    assert collector.wait_for(lambda spans: len(spans) == 1, seconds=5)
    telemetry.stop()


def test_the_service_may_be_given_another_name(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "intake-eu")
    telemetry = Telemetry.start("intake")
    with telemetry.record_span("process", SAMPLED):
        pass
    telemetry.stop()
    assert collector.wait_for(lambda spans: bool(spans), seconds=5)
    assert collector.spans()[0].service == "intake-eu"


def test_stopping_is_bounded_when_nobody_collects_and_leaves_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = set(threading.enumerate())
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(tracing, "STOP_SECONDS", 0.3)
        telemetry = Telemetry.start("intake")
        with telemetry.record_span("process", SAMPLED):
            pass
        telemetry.stop()  # the collector still says nothing: an unbounded stop would never return
        telemetry.stop()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive(), thread.name
