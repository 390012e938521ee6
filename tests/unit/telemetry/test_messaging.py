"""Spans of batches: one for the poll and one for its processing, which link to what is sampled in them."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from shared.telemetry import AppendSpans, Consumed, Poll, Portion, Telemetry, begin_send, current_poll
from shared.telemetry.messaging import MAX_LINKS

TOPIC = "rahnama.intake"
PORTIONS = [Portion(TOPIC, 3, 2), Portion("rahnama.allocation", 3, 5), Portion(TOPIC, 4, 30)]


def context(number: int, flags: str = "01") -> str:
    return f"00-{number:032x}-{number:016x}-{flags}"


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def telemetry(exported: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> Iterator[Telemetry]:
    """A ratio of 0: only what upstream sampled is recorded, and batches that hold some of it."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    made = Telemetry.start("audit", processor=SimpleSpanProcessor(exported))
    yield made
    made.stop()


@pytest.fixture
def poll() -> Iterator[Poll]:
    made = Poll("rahnama.audit", 1_000, 2_000)
    token = current_poll.set(made)
    yield made
    current_poll.reset(token)


def links(span: ReadableSpan) -> list[int]:
    return [link.context.trace_id for link in span.links]


def single(spans: tuple[ReadableSpan, ...]) -> list[ReadableSpan]:
    return [span for span in spans if "messaging.kafka.offset" in (span.attributes or {})]


def test_a_batch_has_one_span_for_its_poll_and_one_for_its_processing(
    telemetry: Telemetry, exported: InMemorySpanExporter, poll: Poll
) -> None:
    with Consumed(telemetry, PORTIONS) as consumed:
        for number in (7, 8):
            assert consumed.process(TOPIC, 3, number, f"intake-03-{number}", context(number)) is not None
        assert not exported.get_finished_spans()
    spans = exported.get_finished_spans()
    received = next(span for span in spans if span.name == f"poll {TOPIC}")
    [processed] = [span for span in spans if span.name == f"process {TOPIC}" and span not in single(spans)]
    assert dict(received.attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "poll",
        "messaging.operation.type": "receive",
        "messaging.destination.name": TOPIC,
        "messaging.batch.message_count": 32,
        "messaging.consumer.group.name": "rahnama.audit",
    }
    assert (received.kind, processed.kind) == (SpanKind.CLIENT, SpanKind.CONSUMER)
    assert (received.start_time, received.end_time) == (poll.asked_ns, poll.got_ns)
    assert received.parent is None
    assert processed.parent is not None
    assert processed.parent.span_id == received.get_span_context().span_id  # type: ignore[union-attr]
    assert links(received) == links(processed) == [7, 8]


def test_a_sampled_record_has_a_span_of_its_own_in_its_own_trace(
    telemetry: Telemetry, exported: InMemorySpanExporter, poll: Poll
) -> None:
    with Consumed(telemetry, PORTIONS) as consumed:
        consumed.process(TOPIC, 3, 17, "intake-03-17", context(7))
    [span] = single(exported.get_finished_spans())
    assert dict(span.attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": TOPIC,
        "messaging.destination.partition.id": "3",
        "messaging.kafka.offset": 17,
        "messaging.message.id": "intake-03-17",
        "messaging.consumer.group.name": "rahnama.audit",
    }
    assert span.kind is SpanKind.CONSUMER
    assert span.parent is not None
    assert (span.parent.trace_id, span.parent.span_id) == (7, 7)
    batch = next(each for each in exported.get_finished_spans() if each not in single((each,)))
    assert links(span)[0] == 7
    assert links(span)[1] == batch.get_span_context().trace_id  # type: ignore[union-attr]


def test_a_batch_in_which_nothing_is_sampled_leaves_nothing(
    telemetry: Telemetry, exported: InMemorySpanExporter, poll: Poll
) -> None:
    with Consumed(telemetry, PORTIONS) as consumed:
        assert consumed.process(TOPIC, 3, 17, None, context(7, "00")) is None
    assert begin_send(telemetry, TOPIC, 3, [context(7, "00"), None], 2) is None
    assert not exported.get_finished_spans()


def test_a_batch_of_two_topics_has_its_spans_for_each(
    telemetry: Telemetry, exported: InMemorySpanExporter, poll: Poll
) -> None:
    with Consumed(telemetry, PORTIONS) as consumed:
        consumed.process(TOPIC, 3, 17, None, context(7))
        consumed.process("rahnama.allocation", 3, 18, None, context(8))
    polls = {span.name: span for span in exported.get_finished_spans() if span.name.startswith("poll ")}
    assert {name: links(span) for name, span in polls.items()} == {
        "poll rahnama.intake": [7],
        "poll rahnama.allocation": [8],
    }
    attributes = polls["poll rahnama.allocation"].attributes or {}
    assert attributes["messaging.batch.message_count"] == 5
    assert attributes["messaging.destination.partition.id"] == "3"
    assert "messaging.destination.partition.id" not in (polls["poll rahnama.intake"].attributes or {})


def test_what_fails_marks_the_processing_and_not_the_poll(
    telemetry: Telemetry, exported: InMemorySpanExporter, poll: Poll
) -> None:
    def fail() -> None:
        with Consumed(telemetry, PORTIONS) as consumed:
            consumed.process(TOPIC, 3, 17, None, context(7))
            raise ValueError("0084575948")

    with pytest.raises(ValueError, match="0084575948"):
        fail()
    failed = {
        span.name: span.status.status_code is StatusCode.ERROR for span in exported.get_finished_spans()
    }
    assert failed == {f"poll {TOPIC}": False, f"process {TOPIC}": True}
    assert all("0084575948" not in span.to_json() for span in exported.get_finished_spans())


def test_a_record_without_a_context_is_recorded_as_the_sampler_says(
    exported: InMemorySpanExporter, poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_on")
    telemetry = Telemetry.start("intake", processor=SimpleSpanProcessor(exported))
    with Consumed(telemetry, [Portion("rahnama.inbound", 1, 1)]) as consumed:
        span = consumed.process("rahnama.inbound", 1, 17, None, None)
        assert span is not None
    [record] = single(exported.get_finished_spans())
    assert record.parent is None
    batches = [each for each in exported.get_finished_spans() if each is not record]
    assert len(batches) == 2
    assert all(links(batch) == [int(span.traceparent[3:35], 16)] for batch in batches)
    telemetry.stop()


def test_a_batch_links_to_no_more_than_opentelemetry_keeps(
    telemetry: Telemetry, exported: InMemorySpanExporter, poll: Poll
) -> None:
    contexts = [context(number) for number in range(1, MAX_LINKS + 50)]
    with Consumed(telemetry, PORTIONS) as consumed:
        for offset, given in enumerate(contexts):
            consumed.process(TOPIC, 3, offset, None, given)
    span = begin_send(telemetry, TOPIC, 3, contexts, len(contexts))
    assert span is not None
    span.end()
    spans = exported.get_finished_spans()
    assert {len(span.links) for span in spans if span not in single(spans)} == {MAX_LINKS}


def test_an_appended_event_travels_in_the_context_of_its_own_span(
    telemetry: Telemetry, exported: InMemorySpanExporter
) -> None:
    with AppendSpans(telemetry, TOPIC) as spans:
        carried = spans.begin(context(7), 3, "rahnama.intake.student.registered.v1")
        assert spans.begin(context(8, "00"), 3, "rahnama.intake.student.registered.v1") == context(8, "00")
    [span] = exported.get_finished_spans()
    assert carried == f"00-{7:032x}-{span.get_span_context().span_id:016x}-01"  # type: ignore[union-attr]
    assert (span.name, span.kind) == (f"append {TOPIC}", SpanKind.PRODUCER)
    assert dict(span.attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "append",
        "messaging.operation.type": "create",
        "messaging.destination.name": TOPIC,
        "messaging.destination.partition.id": "3",
        "rahnama.event.type": "rahnama.intake.student.registered.v1",
    }


def test_a_batch_on_its_way_to_the_topic_links_to_what_is_sampled_in_it(
    telemetry: Telemetry, exported: InMemorySpanExporter
) -> None:
    span = begin_send(telemetry, TOPIC, 3, [context(7), None, context(8, "00"), context(9), "broken"], 5)
    assert span is not None
    span.end()
    [sent] = exported.get_finished_spans()
    assert (sent.name, sent.kind, links(sent)) == (f"send {TOPIC}", SpanKind.CLIENT, [7, 9])
    assert dict(sent.attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": TOPIC,
        "messaging.destination.partition.id": "3",
        "messaging.batch.message_count": 5,
    }


def test_turned_off_nothing_is_made(poll: Poll) -> None:
    telemetry = Telemetry()
    with Consumed(telemetry, PORTIONS) as consumed:
        assert consumed.process(TOPIC, 3, 17, None, context(7)) is None
    with AppendSpans(telemetry, TOPIC) as spans:
        assert spans.begin(context(7), 3, "type") == context(7)
    assert begin_send(telemetry, TOPIC, 3, [context(7)], 1) is None
