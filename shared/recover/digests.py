"""What tables hold, in a few bytes: to tell whether a rebuild has changed anything."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from shared.postgres import Connection


class TableDigest(NamedTuple):
    """How many rows, and the sum of their 64-bit hashes: the order of the rows does not matter."""

    rows: int
    content: int


Digests = Mapping[str, TableDigest]


async def digest_tables(connection: Connection, tables: Sequence[str]) -> Digests:
    """Of each table by its name, which must be trusted."""
    found = {}
    for table in tables:
        row = await connection.fetchrow(
            f"select count(*) as rows, coalesce(sum(hashtextextended({table}::text, 0)), 0)::text as content"
            f" from {table}"
        )
        assert row is not None  # it counts
        found[table] = TableDigest(row["rows"], int(row["content"]))
    return found


def compared(before: Digests, after: Digests) -> Iterator[str]:
    """A line for each table."""
    for table, now in after.items():
        then = before[table]
        if now == then:
            told = "as before"
        elif now.rows == then.rows:
            told = "with other content than before"
        else:
            told = f"{then.rows} before"
        yield f"{table}: {now.rows} rows, {told}"
