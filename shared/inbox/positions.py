"""How far each (source, partition) of a log was applied: the events that come next, and the position that they move.

A position is moved by compare-and-set in the transaction of the effects.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, Protocol, Self, TypeVar

import msgspec

from shared.contracts.envelope import Envelope
from shared.errors import StalePosition
from shared.kafka.clients import Record
from shared.postgres import Connection, named_queries

QUERIES: Final = named_queries("shared.inbox")
HASHES_KEPT: Final = 10_000
"""Of each (source, partition), by a consumer without a ledger; the oldest batch of them is kept whole."""
HASH_BYTES: Final = 32


class Position(NamedTuple):
    """The last applied event of a (source, partition): its sequence, and its hash (32 bytes)."""

    sequence: int
    hash: bytes


class PartitionState(Protocol):
    """What a service keeps in memory for one (source, partition), with the position at which it was built.

    The object that holds the state holds the position: they are moved together and discarded together.
    """

    position: Position


S = TypeVar("S", bound=PartitionState)


class Received(msgspec.Struct, frozen=True, gc=False):
    """One event as it came from Kafka. `value` are its exact bytes, `hash` its leaf hash.

    `traceparent` is the W3C header, or None; `timestamp_ms` is Kafka's, milliseconds since 1970.
    """

    offset: int
    timestamp_ms: int
    value: bytes
    envelope: Envelope
    sequence: int
    hash: bytes
    traceparent: str | None

    @classmethod
    def of(cls, record: Record, value: bytes, envelope: Envelope, sequence: int, digest: bytes) -> Self:
        """Of a record that was decoded and hashed."""
        traceparent = None
        for name, content in record.headers:
            if name == "traceparent":
                traceparent = content.decode("latin-1")
        return cls(record.offset, record.timestamp, value, envelope, sequence, digest, traceparent)


@dataclass(frozen=True, slots=True)
class Slice(Generic[S]):
    """The next events of one (source, partition): dense from `state.position`, chained, never empty."""

    source: str
    topic: str
    partition: int
    state: S
    records: Sequence[Received]

    @property
    def reached(self) -> Position:
        """The position after the slice."""
        last = self.records[-1]
        return Position(last.sequence, last.hash)


async def load_position(connection: Connection, source: str, partition: int) -> Position:
    """The position of one (source, partition); (0, 32 zero bytes) when nothing was applied."""
    row = await connection.fetchrow(QUERIES["load_position"], source, partition)
    return Position(row["sequence"], row["hash"]) if row else Position(0, bytes(32))


async def load_positions(connection: Connection) -> dict[tuple[str, int], Position]:
    """Every position of this service."""
    rows = await connection.fetch(QUERIES["load_positions"])
    return {(row["source"], row["partition"]): Position(row["sequence"], row["hash"]) for row in rows}


async def load_hashes(
    connection: Connection, source: str, partition: int, sequences: Collection[int]
) -> dict[int, bytes]:
    """The hashes that were kept of these applied events; of older ones there are none."""
    wanted = set(sequences)
    found: dict[int, bytes] = {}
    for row in await connection.fetch(QUERIES["load_hashes"], source, partition, min(wanted) - 1):
        hashes = row["hashes"]
        first = row["last"] - len(hashes) // HASH_BYTES + 1
        for at in range(0, len(hashes), HASH_BYTES):
            if (sequence := first + at // HASH_BYTES) in wanted:
                found[sequence] = hashes[at : at + HASH_BYTES]
    return found


async def move_positions(
    connection: Connection, slices: Sequence[Slice[Any]], *, keep_hashes: bool = False
) -> None:
    """Moves every slice's position from where its state was built to its last event.

    `keep_hashes` keeps those of the slices for `load_hashes`, in the same statement. Rows are locked by (source, partition). Raises `StalePosition` unless each one stood where it was
    expected: then another process applied these events, and this transaction must not commit.
    """
    ordered = sorted(slices, key=lambda item: (item.source, item.partition))
    moved = await connection.fetch(
        QUERIES["move_positions"],
        [item.source for item in ordered],
        [item.partition for item in ordered],
        [item.state.position.sequence for item in ordered],
        [item.reached.sequence for item in ordered],
        [item.reached.hash for item in ordered],
        [_joined(item) if keep_hashes else None for item in ordered],
        HASHES_KEPT,
    )
    if len(moved) != len(ordered):
        missed = {(item.source, item.partition) for item in ordered} - {
            (r["source"], r["partition"]) for r in moved
        }
        raise StalePosition(f"the inbox moved meanwhile: {sorted(missed)}")


def _joined(piece: Slice[Any]) -> bytes:
    return b"".join([record.hash for record in piece.records])
