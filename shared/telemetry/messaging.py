"""Spans of what travels over Kafka, by OpenTelemetry's semantic conventions for messaging and for Kafka.

| operation (type)   | kind     | what it is                                                                    |
|--------------------|----------|-------------------------------------------------------------------------------|
| `append` (create)  | PRODUCER | one event comes into the log; its context travels with the record             |
| `send` (send)      | CLIENT   | one batch to the topic; links to its records                                  |
| `poll` (receive)   | CLIENT   | one batch from the topic; links to its records                                |
| `process` (process)| CONSUMER | the batch's transaction, a child of `poll`; links to its records              |
| `process` (process)| CONSUMER | one sampled record, a child of its `append`; links to that and to the batch's |

Only what is sampled is looked at twice: a batch gets its spans when the first of its sampled records is met, and
begins them where it began.
"""

import time
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Final, NamedTuple, Self

from opentelemetry.trace import SpanKind

from shared.telemetry.traceparent import is_sampled
from shared.telemetry.tracing import OpenSpan, Telemetry

MAX_LINKS: Final = 128
"""As many as OpenTelemetry keeps of one span's."""

ATTRIBUTE_SYSTEM: Final = "messaging.system"
ATTRIBUTE_GROUP: Final = "messaging.consumer.group.name"
ATTRIBUTE_COUNT: Final = "messaging.batch.message_count"
ATTRIBUTE_PARTITION: Final = "messaging.destination.partition.id"


class Poll(NamedTuple):
    """When a consumer group asked for records and got some: nanoseconds since 1970."""

    group: str
    asked_ns: int
    got_ns: int


current_poll: ContextVar[Poll | None] = ContextVar("current_poll", default=None)
"""The poll whose records are being processed."""


class Portion(NamedTuple):
    """So many records of one partition in a batch."""

    topic: str
    partition: int
    records: int


def attributes_of(operation: str, kind: str, topic: str) -> dict[str, str | int]:
    """What every messaging span has. `operation` is our word, `kind` the conventions' type."""
    return {
        ATTRIBUTE_SYSTEM: "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
        "messaging.destination.name": topic,
    }


class AppendSpans:
    """The spans of sampled events that come into the log of `topic`; a context manager around their transaction."""

    __slots__ = ("_spans", "_telemetry", "_topic")

    def __init__(self, telemetry: Telemetry, topic: str) -> None:
        self._telemetry = telemetry
        self._topic = topic
        self._spans: list[OpenSpan] = []

    def begin(self, traceparent: str, partition: int, event_type: str) -> str:
        """The context with which one event travels from here: its span's, or `traceparent` if it has none."""
        attributes = attributes_of("append", "create", self._topic)
        attributes[ATTRIBUTE_PARTITION] = str(partition)
        attributes["rahnama.event.type"] = event_type
        span = self._telemetry.begin(f"append {self._topic}", traceparent, SpanKind.PRODUCER, attributes)
        if span is None:
            return traceparent
        self._spans.append(span)
        return span.traceparent

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for span in self._spans:
            span.end(error)


def begin_send(
    telemetry: Telemetry, topic: str, partition: int, traceparents: Iterable[str | None], records: int
) -> OpenSpan | None:
    """The span of a batch on its way to the topic; None when none of its events is sampled."""
    if not telemetry.is_recording:
        return None
    links = [given for given in traceparents if given is not None and is_sampled(given)][:MAX_LINKS]
    if not links:
        return None
    attributes = attributes_of("send", "send", topic)
    attributes[ATTRIBUTE_PARTITION] = str(partition)
    attributes[ATTRIBUTE_COUNT] = records
    return telemetry.begin(f"send {topic}", None, SpanKind.CLIENT, attributes, links=links)


class Consumed:
    """The records of one poll while they are processed; a context manager around their transaction.

    with Consumed(telemetry, portions) as consumed:
        …  span = consumed.process(topic, partition, offset, record_id, traceparent)
    """

    __slots__ = ("_began_ns", "_open", "_portions", "_single", "_telemetry")

    def __init__(self, telemetry: Telemetry, portions: Sequence[Portion]) -> None:
        self._telemetry = telemetry
        self._portions = portions
        self._began_ns = time.time_ns() if telemetry.is_recording else 0
        self._open: dict[str, _Batch] = {}
        self._single: list[OpenSpan] = []

    def process(
        self, topic: str, partition: int, offset: int, record_id: str | None, traceparent: str | None
    ) -> OpenSpan | None:
        """The span of one record, a child of `traceparent`; None when it is not sampled. Ends with the batch.

        `record_id` names the record, and is never what upstream made.
        """
        telemetry = self._telemetry
        if not telemetry.is_recording:
            return None
        attributes = attributes_of("process", "process", topic)
        attributes[ATTRIBUTE_PARTITION] = str(partition)
        attributes["messaging.kafka.offset"] = offset
        if record_id is not None:
            attributes["messaging.message.id"] = record_id
        if (poll := current_poll.get()) is not None:
            attributes[ATTRIBUTE_GROUP] = poll.group
        links = [] if traceparent is None else [traceparent]
        span = telemetry.begin(f"process {topic}", traceparent, SpanKind.CONSUMER, attributes, links=links)
        if span is None:
            return None
        self._single.append(span)
        batch = self._batch(topic, traceparent or span.traceparent)
        if batch.traceparent is not None:
            span.link(batch.traceparent)
        return span

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for span in self._single:
            span.end(error)
        for batch in self._open.values():
            batch.end(error)

    def _batch(self, topic: str, traceparent: str) -> "_Batch":
        batch = self._open.get(topic)
        if batch is None:
            portions = [portion for portion in self._portions if portion.topic == topic]
            batch = self._open[topic] = _Batch(self._telemetry, topic, portions, traceparent, self._began_ns)
        else:
            batch.link(traceparent)
        return batch


class _Batch:
    """The two spans of a batch from one topic: how it was received, and how it was processed."""

    __slots__ = ("_links", "_poll", "_process", "_received", "traceparent")

    def __init__(
        self, telemetry: Telemetry, topic: str, portions: Sequence[Portion], first: str, began_ns: int
    ) -> None:
        self._links = 1
        self._poll = poll = current_poll.get()
        self._received: OpenSpan | None = None
        if poll is not None:
            self._received = telemetry.begin(
                f"poll {topic}",
                None,
                SpanKind.CLIENT,
                _of_batch("poll", "receive", topic, portions, poll),
                links=[first],
                start_ns=poll.asked_ns,
            )
        self._process = telemetry.begin(
            f"process {topic}",
            None if self._received is None else self._received.traceparent,
            SpanKind.CONSUMER,
            _of_batch("process", "process", topic, portions, poll),
            links=[first],
            start_ns=began_ns,
        )
        self.traceparent = None if self._process is None else self._process.traceparent

    def link(self, traceparent: str) -> None:
        """One more of the batch's records is sampled."""
        if self._links == MAX_LINKS:
            return
        self._links += 1
        for span in (self._received, self._process):
            if span is not None:
                span.link(traceparent)

    def end(self, error: BaseException | None) -> None:
        """After the commit. That records could be received is not undone by what became of them."""
        if self._process is not None:
            self._process.end(error)
        if self._received is not None and self._poll is not None:
            self._received.end(at_ns=self._poll.got_ns)


def _of_batch(
    operation: str, kind: str, topic: str, portions: Sequence[Portion], poll: Poll | None
) -> dict[str, str | int]:
    attributes = attributes_of(operation, kind, topic)
    attributes[ATTRIBUTE_COUNT] = sum(portion.records for portion in portions)
    if len(portions) == 1:
        attributes[ATTRIBUTE_PARTITION] = str(portions[0].partition)
    if poll is not None:
        attributes[ATTRIBUTE_GROUP] = poll.group
    return attributes
