"""The one transaction of allocation: move the inbox, load, decide, append, project, commit."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from services.allocation.append.metrics import count_decisions
from services.allocation.decide import Cause, PartitionState, handle, needs
from services.allocation.project.load import load_partition, load_students
from services.allocation.project.write import Funnels, write_changes
from shared.append.clock import Clock
from shared.append.log import Appended, Draft, Log
from shared.contracts.decisions import DECISION_NAMES, Decision, StudentWaitlisted
from shared.inbox.positions import Position, Received, Slice, load_hashes, load_position, move_positions
from shared.postgres import Connection, Pool
from shared.telemetry import AppendSpans, Consumed, OpenSpan, Portion, Telemetry, is_sampled


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


_encode: Final = msgspec.json.Encoder().encode


@dataclass(slots=True)
class AllocationPartition:
    """What allocation keeps in memory of one partition, with the position at which it stands."""

    position: Position
    decider: PartitionState


@dataclass(frozen=True, slots=True)
class Batch:
    """The next facts of one partition: the slice as it came, and what its records mean, in the same order."""

    slice: Slice[AllocationPartition]
    causes: Sequence[Cause]


class DecisionWriter:
    """Decides facts and keeps what was decided. `published` is told of every event after its commit."""

    def __init__(
        self,
        pool: Pool,
        log: Log,
        telemetry: Telemetry,
        published: Callable[[Sequence[Appended]], None],
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._log = log
        self._telemetry = telemetry
        self._published = published
        self._clock = clock

    async def load(self, source: str, partition: int) -> AllocationPartition:
        """The partition's state and position, read in one snapshot."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            position = await load_position(connection, source, partition)
            return AllocationPartition(position, await load_partition(connection, partition))

    async def hashes(self, source: str, partition: int, sequences: Collection[int]) -> Mapping[int, bytes]:
        """Of facts that were decided: the last 10,000 of each partition."""
        async with self._pool.acquire() as connection:
            return await load_hashes(connection, source, partition, sequences)

    async def append(self, batches: Sequence[Batch]) -> None:
        """Decides every batch and commits all of it, or none.

        Raises `StalePosition` when another process was first and `GateClosed` when the log may not grow; after
        any error the state in memory is of no use and must be loaded again.
        """
        self._log.gate.require_open()
        with DecisionSpans(self._telemetry, self._log.topic, [batch.slice for batch in batches]) as spans:
            async with self._pool.acquire() as connection, connection.transaction():
                appended = await self._transact(connection, batches, spans)
        for batch in batches:
            batch.slice.state.decider.forget()
            batch.slice.state.position = batch.slice.reached
        self._published(appended)
        count_decisions(appended)

    async def _transact(
        self, connection: Connection, batches: Sequence[Batch], spans: DecisionSpans
    ) -> list[Appended]:
        await move_positions(connection, [batch.slice for batch in batches], keep_hashes=True)
        rows = await load_students(
            connection,
            [(batch.slice.partition, needs(batch.slice.state.decider, batch.causes)) for batch in batches],
        )
        funnels: Funnels = {}
        drafts: list[Draft] = []
        for batch in batches:
            batch.slice.state.decider.load(rows.get(batch.slice.partition, ()))
            for record, cause in zip(batch.slice.records, batch.causes, strict=True):
                drafts += self._decide(batch.slice, record, cause, funnels, spans)
        appended = await self._log.append(connection, drafts, now=self._clock())
        states = [(batch.slice.partition, batch.slice.state.decider) for batch in batches]
        await write_changes(connection, states, funnels)
        return appended

    def _decide(
        self,
        slice_: Slice[AllocationPartition],
        record: Received,
        cause: Cause,
        funnels: Funnels,
        spans: DecisionSpans,
    ) -> list[Draft]:
        traceparent = record.traceparent
        traced = None
        if traceparent is not None and is_sampled(traceparent):
            traced = spans.begin(slice_, record, traceparent)
        decisions = handle(slice_.state.decider, cause)
        for decision in decisions:
            if isinstance(decision, StudentWaitlisted):
                place = (slice_.partition, cause.tenant, decision.year, decision.student_id)
                funnels[place] = decision.funnel
        if traced is None:
            return [_draft(slice_.partition, cause, record, decision, traceparent) for decision in decisions]
        traced.decided()
        return [
            _draft(
                slice_.partition,
                cause,
                record,
                decision,
                traced.append(slice_.partition, DECISION_NAMES[type(decision)]),
            )
            for decision in decisions
        ]


def _draft(
    partition: int, cause: Cause, record: Received, decision: Decision, traceparent: str | None
) -> Draft:
    return Draft(
        partition=partition,
        type=DECISION_NAMES[type(decision)],
        tenant=cause.tenant,
        subject=f"student/{decision.student_id}",
        version=decision.version,
        causation_id=record.envelope.id,
        data=_encode(decision),
        traceparent=traceparent,
        time=cause.time,
    )
