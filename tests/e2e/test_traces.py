"""One trace over all three services, however upstream hands over its context."""

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from infra.otel.collector import CollectedSpan, Collector
from tests.e2e.people import event, student
from tests.e2e.upstream import STRUCTURED_HEADERS, Upstream

EXPORT_SECONDS: Final = 15.0
LEAVES: Final = {("audit", "process rahnama.intake"), ("audit", "process rahnama.allocation")}
DECIDED: Final = [
    ("audit", "process rahnama.allocation"),
    ("allocation", "append rahnama.allocation"),
    ("allocation", "process rahnama.intake"),
]
APPENDED: Final = ("intake", "append rahnama.intake")
BATCHES: Final = [
    ("allocation", "poll rahnama.intake", "CLIENT", "receive", "rahnama.allocation"),
    ("allocation", "process rahnama.intake", "CONSUMER", "process", "rahnama.allocation"),
    ("allocation", "send rahnama.allocation", "CLIENT", "send", None),
    ("audit", "poll rahnama.allocation", "CLIENT", "receive", "rahnama.audit"),
    ("audit", "poll rahnama.intake", "CLIENT", "receive", "rahnama.audit"),
    ("audit", "process rahnama.allocation", "CONSUMER", "process", "rahnama.audit"),
    ("audit", "process rahnama.intake", "CONSUMER", "process", "rahnama.audit"),
    ("intake", "poll rahnama.inbound", "CLIENT", "receive", "rahnama.intake"),
    ("intake", "process rahnama.inbound", "CONSUMER", "process", "rahnama.intake"),
    ("intake", "send rahnama.intake", "CLIENT", "send", None),
]
"""Service, name, kind, operation type and consumer group of every batch on the way of a record of upstream's."""


class Context:
    """A sampled trace context of upstream's own."""

    def __init__(self) -> None:
        self.trace_id = secrets.token_hex(16)
        self.span_id = secrets.token_hex(8)

    @property
    def traceparent(self) -> str:
        """As upstream hands it over."""
        return f"00-{self.trace_id}-{self.span_id}-01"


async def trace_of(collector: Collector, context: Context) -> list[CollectedSpan]:
    """All spans of a trace, once both of audit's have come and all that they descend from."""

    def is_whole(spans: Sequence[CollectedSpan]) -> bool:
        found = [span for span in spans if span.trace_id == context.trace_id]
        known = {context.span_id, *(span.span_id for span in found)}
        return {(span.service, span.name) for span in found} >= LEAVES and all(
            span.parent_id in known for span in found
        )

    await asyncio.to_thread(collector.wait_for, is_whole, EXPORT_SECONDS)
    return collector.trace(context.trace_id)


def lineage(span: CollectedSpan, spans: Mapping[str, CollectedSpan]) -> tuple[list[tuple[str, str]], str]:
    """A span, its parent and so on, as (service, name); and the id of the one that nobody here has recorded."""
    line = [(span.service, span.name)]
    while span.parent_id in spans:
        span = spans[span.parent_id]
        line.append((span.service, span.name))
    return line, span.parent_id


def require_one_trace(spans: Sequence[CollectedSpan], context: Context, door: list[tuple[str, str]]) -> None:
    """Every span descends from upstream's; the decision's way leads over the append and then the door's spans."""
    by_id = {span.span_id: span for span in spans}
    assert {span.service for span in spans} == {"intake", "allocation", "audit"}
    assert not [span.name for span in spans if span.failed]
    for span in spans:
        assert lineage(span, by_id)[1] == context.span_id, f"{span.service}: {span.name} has another origin"
    by_name = {(span.service, span.name): span for span in spans}
    assert lineage(by_name[DECIDED[0]], by_id)[0] == [*DECIDED, APPENDED, *door]
    assert lineage(by_name["audit", "process rahnama.intake"], by_id)[0][1:] == [APPENDED, *door]
    assert lineage(by_name["allocation", "decide"], by_id)[0][1] == DECIDED[-1]
    assert {lineage(span, by_id)[0][1] for span in spans if span.name == "ledger"} == LEAVES
    require_conventions(by_name)


def require_conventions(spans: Mapping[tuple[str, str], CollectedSpan]) -> None:
    """Kinds and attributes as OpenTelemetry's conventions for Kafka have them."""
    for (service, name), span in spans.items():
        operation, _, topic = name.partition(" ")
        if operation not in ("append", "process"):
            continue
        assert span.kind == {"append": "PRODUCER", "process": "CONSUMER"}[operation]
        told = span.attributes
        assert (told["messaging.system"], told["messaging.operation.name"]) == ("kafka", operation)
        assert told["messaging.operation.type"] == {"append": "create", "process": "process"}[operation]
        assert told["messaging.destination.name"] == topic
        assert str(told["messaging.destination.partition.id"]).isdigit()
        if operation == "process":
            assert told["messaging.consumer.group.name"] == f"rahnama.{service}"
            assert isinstance(told["messaging.kafka.offset"], int)
            assert (span.trace_id, span.parent_id) in span.links, "it links to where the record was made"


async def test_a_context_in_the_header_of_a_request_is_one_trace_over_all_three_services(
    upstream: Upstream, collector: Collector
) -> None:
    context = Context()
    sent = event("student.registered", "traced by header", student(310_000_000, group_code=31))
    answer = await upstream.post_one(sent, traceparent=context.traceparent)
    assert answer.status_code == 202
    await upstream.settle()
    require_one_trace(await trace_of(collector, context), context, [("intake", "POST /v1/events")])


async def test_each_event_of_a_batch_may_bring_a_context_of_its_own(
    upstream: Upstream, collector: Collector
) -> None:
    contexts = [Context(), Context()]
    events = [
        event(
            "student.registered",
            f"traced in a batch {number}",
            student(310_000_001 + number, group_code=31),
            traceparent=context.traceparent,
        )
        for number, context in enumerate(contexts)
    ]
    untraced = event("student.registered", "not traced", student(310_000_009, group_code=31))
    await upstream.post([events[0], untraced, events[1]])
    await upstream.settle()
    for context in contexts:
        require_one_trace(await trace_of(collector, context), context, [])


async def test_a_context_in_the_header_of_a_kafka_record_is_one_trace_over_all_three_services(
    upstream: Upstream, collector: Collector
) -> None:
    context = Context()
    sent = event("student.registered", "traced over Kafka", student(310_000_010, group_code=31))
    headers = [*STRUCTURED_HEADERS, ("traceparent", context.traceparent.encode())]
    await upstream.produce([json.dumps(sent).encode()], headers)
    await upstream.settle()
    require_one_trace(await trace_of(collector, context), context, [("intake", "process rahnama.inbound")])


async def test_every_batch_on_the_way_of_a_sampled_record_has_a_span_that_links_to_it(
    upstream: Upstream, collector: Collector
) -> None:
    context = Context()
    sent = event("student.registered", "traced in batches", student(310_000_011, group_code=31))
    headers = [*STRUCTURED_HEADERS, ("traceparent", context.traceparent.encode())]
    await upstream.produce([json.dumps(sent).encode()], headers)

    def linking(spans: Sequence[CollectedSpan]) -> list[CollectedSpan]:
        return [
            span
            for span in spans
            if context.trace_id in {link[0] for link in span.links} and span.trace_id != context.trace_id
        ]

    await asyncio.to_thread(
        collector.wait_for, lambda spans: len(linking(spans)) == len(BATCHES), EXPORT_SECONDS
    )
    batches = linking(collector.spans())
    found = [
        (
            span.service, span.name, span.kind, span.attributes["messaging.operation.type"],
            span.attributes.get("messaging.consumer.group.name"),
        )
        for span in batches
    ]  # fmt: skip
    assert sorted(found, key=str) == BATCHES
    polls = {span.span_id: span for span in batches if span.name.startswith("poll ")}
    for span in batches:
        assert span.attributes["messaging.batch.message_count"] >= 1  # type: ignore[operator]
        if span.name.startswith("process "):
            assert polls[span.parent_id].end_ns <= span.start_ns, "it was received before it was processed"
        else:
            assert span.parent_id == ""
    singles = [span for span in collector.trace(context.trace_id) if span.name.startswith("process ")]
    assert {(batch.trace_id, batch.span_id) for batch in batches} >= {single.links[-1] for single in singles}


async def test_what_upstream_does_not_sample_leaves_no_span(upstream: Upstream, collector: Collector) -> None:
    context = Context()
    unsampled = context.traceparent.removesuffix("01") + "00"
    sent = event("student.registered", "not sampled", student(310_000_020, group_code=31))
    assert (await upstream.post_one(sent, traceparent=unsampled)).status_code == 202
    marker = Context()
    sent = event("student.registered", "sampled after it", student(310_000_021, group_code=31))
    assert (await upstream.post_one(sent, traceparent=marker.traceparent)).status_code == 202
    await upstream.settle()
    assert await trace_of(collector, marker)
    assert collector.trace(context.trace_id) == []
