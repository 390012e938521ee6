"""The compact ranges of the trees, one (source, partition) each, moved with the ledger."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from services.audit.decide.trees import CompactRange, pack
from shared.errors import StalePosition
from shared.inbox.positions import Slice
from shared.postgres import Connection, named_queries

QUERIES: Final = named_queries("services.audit.project")


class StoredTree(NamedTuple):
    """A tree as it is stored, and the position of the inbox beside it."""

    sequence: int
    hash: bytes
    size: int
    edge: bytes


async def load_tree(connection: Connection, source: str, partition: int) -> StoredTree:
    """One tree with its position, of one moment. Raises `LookupError` when the database has none."""
    row = await connection.fetchrow(QUERIES["load_tree"], source, partition)
    if row is None:
        raise LookupError(f"this database has no tree for partition {partition} of {source}")
    return StoredTree(*row)


async def move_trees(
    connection: Connection, slices: Sequence[Slice[Any]], ranges: Sequence[CompactRange]
) -> None:
    """Moves every slice's tree to its new compact range. Raises `StalePosition` when one stood elsewhere."""
    status = await connection.execute(
        QUERIES["move_trees"],
        [piece.source for piece in slices],
        [piece.partition for piece in slices],
        [piece.state.position.sequence for piece in slices],
        [piece.reached.sequence for piece in slices],
        [pack(item) for item in ranges],
    )
    if status != f"UPDATE {len(slices)}":
        raise StalePosition("a tree does not have the size of the position beside it")
