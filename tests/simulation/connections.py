"""asyncpg's connection over the database in memory. Transactions are asyncpg's own class."""

import asyncio
import contextvars
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
from asyncpg.transaction import Transaction

from tests.simulation.database import Database
from tests.simulation.processes import PROCESS
from tests.simulation.sessions import SERVER, Operation, Session
from tests.simulation.statements import QUERIES, Record, Statement, Work

STATEMENT_SECONDS: Final = 0.001
SLOW_SECONDS: Final = 20.0


class _Protocol:
    """What asyncpg's transactions ask of a protocol."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def is_in_transaction(self) -> bool:
        """Whether one is open."""
        return self._session.work is not None


class Connection:
    """A connection as the services use it. A query is known by its text; an unknown one is an error."""

    def __init__(
        self, database: Database, *, command_seconds: float, idle_seconds: float | None = None
    ) -> None:
        self._database = database
        self._command_seconds = command_seconds
        self._context = contextvars.copy_context()
        self._session = Session(self, PROCESS.get(), now=database.loop.time(), idle_seconds=idle_seconds)
        self._protocol = _Protocol(self._session)
        self._top_xact: Any = None
        self._pool_release_ctr = 0
        self._closed = False
        self._operation: Operation | None = None
        self._listeners: list[tuple[str, Callable[..., None]]] = []
        self._on_end: list[Callable[[Any], None]] = []
        database.sessions.append(self._session)

    def is_closed(self) -> bool:
        """Whether the client knows that it is closed."""
        return self._closed

    def transaction(self, *, isolation: str | None = None, readonly: bool = False) -> Transaction:
        """asyncpg's own."""
        return Transaction(self, isolation, readonly, False)  # type: ignore[arg-type]

    async def fetch(self, query: str, *arguments: Any, timeout: float | None = None) -> list[Record]:
        """The rows."""
        rows: list[Record] = await self._ask(query, arguments, timeout)
        return rows

    async def fetchrow(self, query: str, *arguments: Any, timeout: float | None = None) -> Record | None:
        """The first row."""
        rows = await self._ask(query, arguments, timeout)
        return rows[0] if rows else None

    async def fetchval(self, query: str, *arguments: Any, timeout: float | None = None) -> Any:
        """The first value of the first row."""
        rows = await self._ask(query, arguments, timeout)
        return next(iter(rows[0])) if rows else None

    async def execute(self, query: str, *arguments: Any, timeout: float | None = None) -> str:
        """The status: `UPDATE 3`, `SELECT 1`."""
        word = query.split(maxsplit=1)[0].rstrip(";")
        if word in ("BEGIN", "COMMIT", "ROLLBACK"):
            await self._run(_control(self._database, word, query), timeout, what=word, ends_work=True)
            return word
        result = await self._ask(query, arguments, timeout)
        return f"UPDATE {result}" if isinstance(result, int) else f"SELECT {len(result)}"

    async def cursor(self, query: str, *arguments: Any) -> "Cursor":
        """Rows as they were when the cursor was opened."""
        return Cursor(self, await self._ask(query, arguments, None))

    async def executemany(self, query: str, arguments: Iterable[Sequence[Any]]) -> None:
        """All of it, or none."""
        known, many = QUERIES[query], list(arguments)

        def run(statement: Statement) -> None:
            for values in many:
                known(statement, *values)

        await self._run(run, None, what="write")

    async def copy_records_to_table(
        self, table: str, *, records: Iterable[Sequence[Any]], columns: Sequence[str]
    ) -> str:
        """Adds rows."""
        rows = [dict(zip(columns, record, strict=True)) for record in records]
        await self._run(lambda statement: statement.insert(table, rows), None, what="write")
        return f"COPY {len(rows)}"

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None:
        """LISTEN."""
        await self._run(lambda _: self._session.channels.add(channel), None, what="listen")
        self._listeners.append((channel, callback))

    def add_termination_listener(self, callback: Callable[[Any], None]) -> None:
        """Called once, when the client learns that the connection is gone."""
        self._on_end.append(callback)

    def terminate(self) -> None:
        """The client goes; the server notices a little later."""
        if not self._closed:
            self.lost(None)
            self._database.loop.call_later(
                STATEMENT_SECONDS, self._database.end_session, self._session, context=SERVER
            )

    async def close(self) -> None:
        """The same, politely."""
        self.terminate()
        await asyncio.sleep(STATEMENT_SECONDS)

    async def travel(self) -> None:
        """A statement that asks for nothing new."""
        await self._run(lambda _: None, None, what="statement")

    # --- what the server tells

    def lost(self, error: Exception | None) -> None:
        """The connection has ended."""
        if self._closed:
            return
        self._closed = True
        operation = self._operation
        if operation is not None and not operation.future.done():
            operation.future.set_exception(
                error
                or asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
            )
        for callback in self._on_end:
            self._database.loop.call_soon(callback, self, context=self._context)

    def notified(self, channel: str) -> None:
        """NOTIFY."""
        for name, callback in self._listeners:
            if name == channel:
                self._database.loop.call_soon(callback, self, 0, channel, "", context=self._context)

    # --- how it is done

    async def _ask(self, query: str, arguments: Sequence[Any], timeout: float | None) -> Any:
        known = QUERIES.get(query)
        if known is None:
            self._database.unknown.append(query)
            raise AssertionError(f"the simulation knows no query\n{query}")
        if not arguments:
            return await self._run(known, timeout, what="statement")
        given = [str(value) if isinstance(value, UUID) else value for value in arguments]
        return await self._run(lambda statement: known(statement, *given), timeout, what="statement")

    async def _run(
        self, run: Callable[[Statement], Any], timeout: float | None, *, what: str, ends_work: bool = False
    ) -> Any:
        if self._closed:
            raise asyncpg.InterfaceError("connection is closed")
        if self._operation is not None:
            raise asyncpg.InterfaceError("cannot perform operation: another operation is in progress")
        database = self._database
        fate = database.fate(what)
        operation = Operation(self._session, run, database.loop.create_future(), fate, ends_work=ends_work)
        self._operation = operation
        seconds = SLOW_SECONDS if fate == "slow" else STATEMENT_SECONDS * database.chance.random()
        database.begin_operation(operation, seconds)
        operation.deadline = database.loop.time() + (timeout or self._command_seconds)
        if fate == "slow":
            database.watch_deadline(operation)
        try:
            return await operation.future
        except asyncio.CancelledError:
            database.cancel(operation)
            raise
        finally:
            self._operation = None

    def release(self) -> None:
        """Back in the pool: what is still open is rolled back."""
        self._pool_release_ctr += 1
        self._top_xact = None
        if self._session.work is not None:
            self._database.end_work(self._session.work, commit=False)


class Cursor:
    """Gives its rows in pieces."""

    def __init__(self, connection: Connection, rows: list[Record]) -> None:
        self._connection = connection
        self._rows = rows

    async def fetch(self, many: int) -> list[Record]:
        """The next rows."""
        await self._connection.travel()
        found, self._rows = self._rows[:many], self._rows[many:]
        return found


def _control(database: Database, word: str, query: str) -> Callable[[Statement], None]:
    def run(statement: Statement) -> None:
        session = statement.session
        if word == "BEGIN":
            session.work = Work(session, isolation=query, began=database.loop.time())
        elif session.work is not None:
            database.end_work(session.work, commit=word == "COMMIT")

    return run
