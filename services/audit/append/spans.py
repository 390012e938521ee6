"""One span per sampled event: the last of its trace, around the transaction that keeps it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from shared.inbox.records import Received, Slice
from shared.telemetry import Attributes, OpenSpan, SpanKind, Telemetry, accept_traceparent, is_sampled


@contextmanager
def process_spans(telemetry: Telemetry, slices: Sequence[Slice[Any]]) -> Iterator[None]:
    """Spans `process rahnama.intake` and `process rahnama.allocation` around the keeping of sampled events."""
    spans = _begun(telemetry, slices) if telemetry.is_recording else []
    try:
        yield
    except BaseException as error:
        for span in spans:
            span.end(error)
        raise
    for span in spans:
        span.end()


def _begun(telemetry: Telemetry, slices: Sequence[Slice[Any]]) -> list[OpenSpan]:
    begun = [
        _begin(telemetry, piece, record, traceparent)
        for piece in slices
        for record in piece.records
        if (traceparent := accept_traceparent(record.traceparent)) is not None and is_sampled(traceparent)
    ]
    return [span for span in begun if span is not None]


def _begin(telemetry: Telemetry, piece: Slice[Any], record: Received, traceparent: str) -> OpenSpan | None:
    attributes: Attributes = {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": piece.topic,
        "messaging.destination.partition.id": str(piece.partition),
        "messaging.kafka.offset": record.offset,
        "rahnama.event.id": record.envelope.id,
    }
    name = f"process rahnama.{piece.source}"
    return telemetry.begin(name, traceparent, SpanKind.CONSUMER, attributes)
