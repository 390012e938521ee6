"""What a poll of `rahnama.inbound` brought, handed to the writer: its events and its positions in one transaction."""

import asyncio
from collections.abc import Sequence
from typing import Final

from services.intake.append.decide_batch import ReceivedEvent
from services.intake.append.inbound import InboundSlice
from services.intake.append.writer import Writer
from services.intake.inbox.receive import Receiver
from shared.telemetry import Consumed, Portion, Telemetry, is_sampled, unsampled_traceparent

EVENTS_BETWEEN_PAUSES: Final = 100
"""Events that are read before others get their turn: opening a thousand takes 50 ms."""


class Polls:
    """Gives every record a result; a bad one becomes a rejection and never holds the partition.

    `submission_events` bounds what is handed to the writer at once, except by the events of one record.
    """

    def __init__(
        self, receiver: Receiver, writer: Writer, telemetry: Telemetry, *, topic: str, submission_events: int
    ) -> None:
        self._receiver = receiver
        self._writer = writer
        self._telemetry = telemetry
        self._topic = topic
        self._submission_events = submission_events

    async def apply(self, slices: Sequence[InboundSlice]) -> None:
        """Returns after the commit of all slices. Raises `StalePosition`, `Unavailable` and its kinds.

        Records that are batches may hold more events than the bound: then several submissions are committed in order.
        """
        arrivals: list[ReceivedEvent] = []
        pieces: list[InboundSlice] = []
        read = 0
        portions = [Portion(self._topic, piece.partition, len(piece.records)) for piece in slices]
        with Consumed(self._telemetry, portions) as consumed:
            for piece in slices:
                begin, expected = 0, piece.expected
                for at, record in enumerate(piece.records):
                    found = self._receiver.from_kafka(piece.partition, record)
                    if arrivals and len(arrivals) + len(found) > self._submission_events:
                        if begin < at:
                            pieces.append(InboundSlice(piece.partition, expected, piece.records[begin:at]))
                            begin, expected = at, pieces[-1].reached
                        await self._writer.submit(arrivals, pieces)
                        arrivals, pieces = [], []
                    arrivals += [self._trace(arrival, consumed) for arrival in found]
                    read += len(found)
                    if read >= EVENTS_BETWEEN_PAUSES:
                        read = 0
                        await asyncio.sleep(0)
                if begin < len(piece.records):
                    pieces.append(InboundSlice(piece.partition, expected, piece.records[begin:]))
            if pieces:
                await self._writer.submit(arrivals, pieces)

    def _trace(self, arrival: ReceivedEvent, consumed: Consumed) -> ReceivedEvent:
        """The arrival in the context of its own span, if it is sampled; in a new context if it has none."""
        carried = arrival.traceparent
        if self._telemetry.is_recording and (carried is None or is_sampled(carried)):
            # What names the event is upstream's own, and may be personal: the span has partition and offset.
            span = consumed.process(self._topic, arrival.partition or 0, arrival.offset or 0, None, carried)
            if span is not None:
                carried = span.traceparent
        arrival.traceparent = carried or unsampled_traceparent()
        return arrival
