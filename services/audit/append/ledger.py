"""Keeping what came: positions, trees and ledger rows of one poll, in one transaction."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from services.audit.decide.trees import CompactRange, grow, unpack
from services.audit.project.ledger import keep, kept_hashes, require_storable, rows_of
from services.audit.project.trees import load_tree, move_trees
from shared.errors import Unapplicable
from shared.inbox.positions import Position, Slice, move_positions
from shared.postgres import Pool
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


@dataclass(slots=True)
class TreeState:
    """One (source, partition) in memory: the position, and the compact range of the tree of so many leaves.

    `fault` says why the stored tree cannot be built on, or is None.
    """

    position: Position
    compact_range: CompactRange
    fault: str | None = None


class Ledger:
    """Everything that audit keeps. It needs no event type: what is chained is kept, byte for byte."""

    def __init__(self, pool: Pool, telemetry: Telemetry) -> None:
        self._pool = pool
        self._telemetry = telemetry

    async def load(self, source: str, partition: int) -> TreeState:
        """The state of one (source, partition), as the database has it."""
        async with self._pool.acquire() as connection:
            stored = await load_tree(connection, source, partition)
        position = Position(stored.sequence, stored.hash)
        if stored.size != stored.sequence:
            fault = f"the stored tree has {stored.size} leaves, but {stored.sequence} events were applied"
            return TreeState(position, (), fault)
        try:
            return TreeState(position, unpack(stored.edge, stored.size))
        except ValueError as error:
            return TreeState(position, (), str(error))

    async def hashes(self, source: str, partition: int, sequences: Collection[int]) -> Mapping[int, bytes]:
        """Of events that the ledger has."""
        async with self._pool.acquire() as connection:
            return await kept_hashes(connection, source, partition, sequences)

    async def apply(self, slices: Sequence[Slice[TreeState]]) -> None:
        """Keeps the events of a poll in one transaction, then moves the states that they were built on.

        Raises `Unapplicable` for an event that cannot be kept, `StalePosition` when another process was first.
        """
        spans = LedgerSpans(self._telemetry, slices)
        with spans.processing():
            ranges = [_grown(piece) for piece in slices]
            rows = rows_of(slices)
            try:
                with spans.ledger():
                    async with self._pool.acquire() as connection, connection.transaction():
                        await move_positions(connection, slices)
                        await move_trees(connection, slices, ranges)
                        await keep(connection, rows)
            except (asyncpg.DataError, UnicodeEncodeError):
                require_storable(slices)
                raise
        for piece, compact_range in zip(slices, ranges, strict=True):
            piece.state.compact_range = compact_range
            piece.state.position = piece.reached


def _grown(piece: Slice[TreeState]) -> CompactRange:
    state = piece.state
    if state.fault is not None:
        raise Unapplicable(piece.source, piece.partition, state.position.sequence + 1, state.fault)
    return grow(state.compact_range, state.position.sequence, [record.hash for record in piece.records])
