"""The spans of allocation's transaction: of a sampled fact its processing, its decision, and each event that follows."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from shared.inbox.positions import Received, Slice
from shared.telemetry import AppendSpans, Consumed, OpenSpan, Portion, Telemetry


class DecisionSpans:
    """A context manager around the transaction: what is begun inside ends with it."""

    def __init__(self, telemetry: Telemetry, topic: str, slices: Sequence[Slice[Any]]) -> None:
        """`topic` is that of the decisions."""
        self._telemetry = telemetry
        self._consumed = Consumed(
            telemetry, [Portion(piece.topic, piece.partition, len(piece.records)) for piece in slices]
        )
        self._appended = AppendSpans(telemetry, topic)

    def begin(self, piece: Slice[Any], record: Received, traceparent: str) -> "TracedFact | None":
        """A fact that is about to be decided; None when it is not recorded."""
        span = self._consumed.process(
            piece.topic, piece.partition, record.offset, record.envelope.id, traceparent
        )
        if span is None:
            return None
        deciding = self._telemetry.begin(
            "decide", span.traceparent, attributes={"rahnama.event.type": record.envelope.type}
        )
        return TracedFact(span.traceparent, deciding, self._appended)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._appended.__exit__(kind, error, trace)
        self._consumed.__exit__(kind, error, trace)


class TracedFact:
    """One sampled fact between its arrival and the events that follow from it."""

    __slots__ = ("_appended", "_deciding", "_traceparent")

    def __init__(self, traceparent: str, deciding: OpenSpan | None, appended: AppendSpans) -> None:
        self._traceparent = traceparent
        self._deciding = deciding
        self._appended = appended

    def decided(self) -> None:
        """The choice is made; nothing of it is kept yet."""
        if self._deciding is not None:
            self._deciding.end()

    def append(self, partition: int, event_type: str) -> str:
        """The context with which one event of the decision travels on."""
        return self._appended.begin(self._traceparent, partition, event_type)
