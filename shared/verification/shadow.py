"""Read models replayed beside the ones that are served: temporary tables of the same names, filled from one snapshot.

A temporary table hides the real one from every statement that names no schema, so the projections fill it without
knowing. They are made first; everything else is one transaction that reads one snapshot and may write to nothing
else: PostgreSQL refuses a read-only transaction every write but to temporary tables. Writers never wait for it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from shared.postgres import CONNECT_SECONDS, Connect, Connection
from shared.verification.findings import MOST_DIFFERENCES, RowDifference
from shared.verification.log_pages import QUERIES

STATEMENT_SECONDS: Final = 600.0
IDLE_IN_TRANSACTION_MILLISECONDS: Final = 60_000
PAGE_RECORDS: Final = 200
"""Most records that are handled before others get a turn: about 20 ms of work."""
LONGEST_PAUSE_SECONDS: Final = 1.0


@asynccontextmanager
async def shadow_tables(
    connect: Connect, application: str, tables: Sequence[str]
) -> AsyncIterator[Connection]:
    """A connection whose `tables` are empty copies, in one snapshot of all the others; closed at the end."""
    connection = await connect(
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
        server_settings={
            "application_name": application,
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MILLISECONDS),
        },
    )
    try:
        for table in tables:
            await connection.execute(f"create temporary table {table} (like public.{table} including all)")
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


async def compare(
    connection: Connection,
    table: str,
    work_state: Collection[str] = (),
    without_partitions: Sequence[int] = (),
) -> tuple[int, list[RowDifference]]:
    """How many rows the replay made, and the first in which the real table differs from them, in any column.

    Columns of `work_state` hold the state of the service's own work; no event makes them. Rows of `without_partitions` are
    passed over.
    """
    rows = await connection.fetch(QUERIES["columns"], table)
    names = [row["name"] for row in rows]
    key = [row["name"] for row in sorted(rows, key=lambda row: row["key"] or 0) if row["key"] is not None]
    other = [
        (row["name"], _comparable(row["name"], row["type"]))
        for row in rows
        if row["name"] not in {*key, *work_state}
    ]
    assert key, f"{table} has no primary key"
    owner = ["tenant"] if "tenant" in names and "tenant" not in key else []
    differing = ", ".join(
        f"case when {column.format('e')} is distinct from {column.format('s')} then '{name}' end"
        for name, column in other
    )
    unlike = " or ".join(f"{column.format('e')} is distinct from {column.format('s')}" for _, column in other)
    found = await connection.fetch(
        f"select {', '.join(f'{name}::text' for name in key)}, e.{key[0]} is null as is_extra,"
        f"{''.join(f' coalesce(e.{name}, s.{name}) as {name},' for name in owner)}"
        f" s.{key[0]} is null as is_missing, array_remove(array[{differing or 'null'}]::text[], null) as differing"
        f" from pg_temp.{table} e full join public.{table} s using ({', '.join(key)})"
        f" where (e.{key[0]} is null or s.{key[0]} is null{' or ' + unlike if unlike else ''})"
        f"{' and coalesce(e.partition, s.partition) <> all($1::int[])' if without_partitions else ''}"
        f" order by {', '.join(f'{table_key}' for table_key in range(1, len(key) + 1))}"
        f" limit {MOST_DIFFERENCES}",
        *([without_partitions] if without_partitions else []),
    )
    count = await connection.fetchval(f"select count(*) from pg_temp.{table}")
    assert set(key) <= set(names)
    return count, [_difference(table, [*key, *owner], row) for row in found]


def _comparable(name: str, type_: str) -> str:
    """An expression over a column of the table that is put in for `{0}`; `json` has no equality of its own."""
    return f"{{0}}.{name}::text" if type_ == "json" else f"{{0}}.{name}"


def _difference(table: str, key: Sequence[str], row: Any) -> RowDifference:
    place = {name: row[name] for name in key}
    if row["is_extra"]:
        return RowDifference(table, place, (), "no event of the log makes this row")
    if row["is_missing"]:
        return RowDifference(table, place, (), "the row that the log makes is missing")
    return RowDifference(table, place, tuple(row["differing"]), "the row is not what the log makes of it")


class Pace:
    """Leaves at least half of the event loop's time to the service's own work."""

    def __init__(self, now: Callable[[], float] | None = None) -> None:
        self._now = now or asyncio.get_running_loop().time
        self._since = self._now()

    async def rest(self) -> None:
        """Called after each page: waits as long as the page took, at most a second."""
        await asyncio.sleep(min(LONGEST_PAUSE_SECONDS, self._now() - self._since))
        self._since = self._now()
