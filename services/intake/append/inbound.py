"""How far `rahnama.inbound` was applied, and what the inbox hands to the writer.

A position is an offset with the digest of the record before it, so that a topic that was made anew is told from
the old one. `move_inbound` belongs in the writer's transaction, before its effects; rows are locked by partition.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from shared.errors import StalePosition, Unapplicable
from shared.postgres import Connection, named_queries

QUERIES: Final = named_queries("services.intake.append", "inbound.sql")
SOURCE: Final = "inbound"
"""The word in positions and alarms."""

Headers = Sequence[tuple[str, bytes]]


class InboundPosition(NamedTuple):
    """`next_offset` is the first offset that was not applied; `digest` that of the record before it (32 bytes)."""

    next_offset: int
    digest: bytes


class InboundRecord(msgspec.Struct, frozen=True, gc=False):
    """One record as upstream wrote it: anything at all. `timestamp_ms` is Kafka's, milliseconds since 1970."""

    offset: int
    timestamp_ms: int
    value: bytes
    headers: Headers

    @property
    def digest(self) -> bytes:
        """SHA-256 over value and headers, each with its length before it. 32 bytes."""
        return record_digest(self.value, self.headers)


@dataclass(frozen=True, slots=True)
class InboundSlice:
    """The next records of one partition, never empty, in the order of their offsets.

    `expected` is the position in the database on which they build. Offsets may leave some out (retention,
    transaction markers), and after the topic was made anew they begin below `expected.next_offset`: repeats then
    are duplicates by (tenant, source, id).
    """

    partition: int
    expected: InboundPosition
    records: Sequence[InboundRecord]

    @property
    def reached(self) -> InboundPosition:
        """The position after the slice."""
        last = self.records[-1]
        return InboundPosition(last.offset + 1, last.digest)


def record_digest(value: bytes, headers: Headers) -> bytes:
    """SHA-256 over the value and each header's name and value, each with its length (8 bytes) before it."""
    digest = hashlib.sha256()
    for part in (value, *(part for name, content in headers for part in (name.encode(), content or b""))):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


async def load_inbound(connection: Connection, partition: int) -> InboundPosition:
    """The applied position of one partition; (0, 32 zero bytes) when nothing was applied.

    Raises `Unapplicable` for a partition that this installation does not have: nothing could move its position.
    """
    row = await connection.fetchrow(QUERIES["load_inbound"], partition)
    if row is None:
        raise Unapplicable(SOURCE, partition, 0, "the topic has more partitions than this installation")
    return InboundPosition(row["next_offset"], row["digest"])


async def load_all_inbound(connection: Connection) -> dict[int, InboundPosition]:
    """The applied position of every partition."""
    rows = await connection.fetch(QUERIES["load_all_inbound"])
    return {row["partition"]: InboundPosition(row["next_offset"], row["digest"]) for row in rows}


async def move_inbound(connection: Connection, slices: Sequence[InboundSlice]) -> None:
    """Moves the position of every slice's partition from `expected` to `reached`, by compare-and-set.

    Raises `StalePosition` unless each one stood where it was expected: then another process applied these
    records, and this transaction must not commit.
    """
    ordered = sorted(slices, key=lambda item: item.partition)
    moved = await connection.fetch(
        QUERIES["move_inbound"],
        [item.partition for item in ordered],
        [item.expected.next_offset for item in ordered],
        [item.expected.digest for item in ordered],
        [item.reached.next_offset for item in ordered],
        [item.reached.digest for item in ordered],
    )
    if len(moved) != len(ordered):
        missed = {item.partition for item in ordered} - {row["partition"] for row in moved}
        raise StalePosition(f"rahnama.inbound moved meanwhile: {sorted(missed)}")
