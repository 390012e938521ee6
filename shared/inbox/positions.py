"""The applied positions of a service, moved by compare-and-set in the transaction of the effects."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from shared.errors import StalePosition
from shared.inbox.records import Position, Slice
from shared.postgres import Connection, named_queries

QUERIES: Final = named_queries("shared.inbox")
HASHES_KEPT: Final = 10_000
"""Of each (source, partition), by a consumer without a ledger; the oldest batch of them is kept whole."""
HASH_BYTES: Final = 32


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
