"""What a query may do to the tables: reads of a snapshot, locks that wait, writes that others see after the commit.

As PostgreSQL does in READ COMMITTED: a statement reads what was committed when it began; a row that it locks or
changes is the newest, after a wait for whoever holds it; a row that was inserted meanwhile is not seen, and yet is
in the way of another with the same key.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from tests.simulation.schema import Key, Row

if TYPE_CHECKING:
    from tests.simulation.database import Database
    from tests.simulation.sessions import Session

Rows = Mapping[Key, Row]
LockName = tuple[Any, ...]


class Record(dict[str, Any]):
    """A row of a result: by name as asyncpg's, and its values when it is unpacked."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values())


class MustWait(Exception):
    """Others hold what this statement needs."""

    def __init__(self, lock: LockName, holders: set["Work"]) -> None:
        super().__init__(lock)
        self.lock = lock
        self.holders = holders


class Work:
    """A transaction: its own writes, and the locks that it holds until its end."""

    def __init__(self, session: "Session", *, isolation: str = "", began: float = 0.0) -> None:
        self.session = session
        self.repeatable = "REPEATABLE READ" in isolation
        self.readonly = "READ ONLY" in isolation
        self.began = began
        self.failed = False
        self.ended = False
        self.writes: dict[str, dict[Key, Row | None]] = {}
        """By table; None: the row is deleted."""
        self.locks: list[LockName] = []
        self.notifies: list[str] = []
        self.snapshot: dict[str, Rows] | None = None


class Statement:
    """One query in one transaction. It is run again from its beginning after each wait: locks first, then writes."""

    def __init__(self, database: "Database", work: Work) -> None:
        self._database = database
        self._work = work
        self._seen: Mapping[str, Rows] | None = work.snapshot

    @property
    def session(self) -> "Session":
        """Whose statement it is."""
        return self._work.session

    def keep_snapshot(self) -> None:
        """To be called when the statement waits: what is committed from now on is not seen by it."""
        if self._seen is None:
            self._seen = self._database.copy_tables()

    def scan(self, table: str) -> list[Row]:
        """Every visible row, in no order that could be relied on."""
        rows = self._visible(table)
        own = self._work.writes.get(table)
        merged = {**rows, **own}.values() if own else rows.values()
        found = [row for row in merged if row is not None]
        begin = int(self._database.chance.random() * len(found))
        return found[begin:] + found[:begin]

    def find(self, table: str, key: Key) -> Row | None:
        """The visible row with a primary key."""
        own = self._work.writes.get(table)
        if own is not None and key in own:
            return own[key]
        return self._visible(table).get(key)

    def key_columns(self, table: str) -> tuple[str, ...]:
        """The columns of a primary key."""
        return self._database.specs[table].key

    def key_of(self, table: str) -> Callable[[Row], Key]:
        """Gives the primary key of a row."""
        return self._database.specs[table].key_of

    def complete(self, table: str, row: Row) -> Row:
        """A row with the defaults of what it does not name."""
        return self._database.specs[table].complete(row)

    def lock(self, table: str, key: Key) -> Row | None:
        """Locks a row, after a wait if need be, and gives its newest version."""
        self._take(("row", table, key), exclusive=True)
        own = self._work.writes.get(table)
        if own is not None and key in own:
            return own[key]
        return self._database.tables[table].get(key)

    def put(self, table: str, row: Row) -> None:
        """The new version of a row that this transaction has locked or claimed."""
        if self._work.readonly:
            raise asyncpg.ReadOnlySQLTransactionError("cannot write in a read-only transaction")
        key = self._database.specs[table].key_of(row)
        self._work.writes.setdefault(table, {})[key] = row

    def delete(self, table: str, key: Key) -> Row | None:
        """Deletes a row; gives its newest version, or None when there is none."""
        row = self.lock(table, key)
        if row is not None:
            self._work.writes.setdefault(table, {})[key] = None
        return row

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Adds rows with their defaults; the one whose key another transaction has just added waits for its end.

        Raises `UniqueViolationError` with the constraint's name.
        """
        spec = self._database.specs[table]
        complete = [spec.complete(row) for row in rows]
        for row in complete:
            for name in spec.never_null:
                if row[name] is None:
                    raise asyncpg.NotNullViolationError(f"{table}.{name}")
            for name, columns in self._database.indexes(table):
                value = tuple([row[column] for column in columns])
                if None in value:
                    continue
                self._take(("unique", table, name, value), exclusive=True)
                if self._exists(table, name, columns, value):
                    error = asyncpg.UniqueViolationError(f'duplicate key violates "{name}"')
                    error.constraint_name = name
                    raise error
        for row in complete:
            self.put(table, row)

    def claim(self, table: str, key: Key) -> Row | None:
        """Before an upsert: the newest row with this key, locked; None when there is none and nobody may add it."""
        name = self._database.indexes(table)[0][0]
        self._take(("unique", table, name, key), exclusive=True)
        return self.lock(table, key)

    def update(self, table: str, changes: Sequence[tuple[Key, Callable[[Row], Row | None]]]) -> list[Row]:
        """Changes the visible rows with these keys, in some order; a change of None leaves the row as it is."""
        shuffled = list(changes)
        self._database.chance.shuffle(shuffled)
        changed: list[Row] = []
        for key, change in shuffled:
            visible = self.find(table, key)
            if visible is None or change(visible) is None:
                continue
            newest = self.lock(table, key)
            if newest is not None and (row := change(newest)) is not None:
                changed.append(row)
        for row in changed:
            self.put(table, row)
        return changed

    def lock_advisory(self, group: int, number: int, *, exclusive: bool) -> None:
        """Until the transaction ends."""
        self._take(("advisory", group, number), exclusive=exclusive)

    def try_advisory(self, group: int, number: int) -> bool:
        """Until the session ends; False when another session holds it."""
        return self._database.try_session_lock(self._work.session, ("advisory", group, number))

    def notify(self, channel: str) -> None:
        """Tells listeners when the transaction commits."""
        if channel not in self._work.notifies:
            self._work.notifies.append(channel)

    def _visible(self, table: str) -> Rows:
        if self._seen is None:
            return self._database.tables[table]
        return self._seen[table]

    def _exists(self, table: str, index: str, columns: Sequence[str], value: Key) -> bool:
        own = self._work.writes.get(table, {})
        if any(row is not None and tuple([row[c] for c in columns]) == value for row in own.values()):
            return True
        kept = self._database.index(table, index).get(value)
        return kept is not None and kept not in own

    def _take(self, lock: LockName, *, exclusive: bool) -> None:
        self._database.take(self._work, lock, exclusive=exclusive)


Query = Callable[..., Any]
QUERIES: Final[dict[str, Query]] = {}
"""By the text of the query; what it gives is a list of `Record`, or the number of rows that were changed."""
