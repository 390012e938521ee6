"""The last spans of a trace: how a sampled event was taken in, and its way into the ledger."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from shared.inbox.positions import Slice
from shared.telemetry import Consumed, OpenSpan, Portion, Telemetry, accept_traceparent, is_sampled


class LedgerSpans:
    """Around the keeping of `slices`: `process …` for each sampled event, and `ledger` around their transaction."""

    def __init__(self, telemetry: Telemetry, slices: Sequence[Slice[Any]]) -> None:
        self._telemetry = telemetry
        self._slices = slices
        self._sampled: list[OpenSpan] = []

    @contextmanager
    def processing(self) -> Iterator[None]:
        """From the records as they came to the commit."""
        if not self._telemetry.is_recording:
            yield
            return
        portions = [Portion(piece.topic, piece.partition, len(piece.records)) for piece in self._slices]
        with Consumed(self._telemetry, portions) as consumed:
            for piece in self._slices:
                for record in piece.records:
                    given = record.traceparent
                    if given is None or not is_sampled(given):
                        continue
                    traceparent = accept_traceparent(given)
                    if traceparent is None:
                        continue
                    span = consumed.process(
                        piece.topic, piece.partition, record.offset, record.envelope.id, traceparent
                    )
                    if span is not None:
                        self._sampled.append(span)
            yield

    @contextmanager
    def ledger(self) -> Iterator[None]:
        """The transaction, for each of the sampled events."""
        spans = [
            span
            for each in self._sampled
            if (span := self._telemetry.begin("ledger", each.traceparent)) is not None
        ]
        try:
            yield
        except BaseException as error:
            for span in spans:
                span.end(error)
            raise
        for span in spans:
            span.end()
