"""Postgres: the pool, forward-only migrations, and named queries kept in `.sql` files."""

import asyncio
import functools
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import resources
from typing import Final

import asyncpg

CONNECT_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 5.0
START_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 0.2
COMMAND_SECONDS: Final = 60.0
IDLE_IN_TRANSACTION_MILLISECONDS: Final = 15_000
MIGRATION_LOCK: Final = 7_238_462_001

Pool = asyncpg.Pool
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
Connect = Callable[..., Awaitable[asyncpg.Connection]]
"""Opens a connection of its own beside the pool; takes the options of `asyncpg.connect`."""

GRANT_TEMPORARY: Final = (
    "do $$ begin execute format('grant temporary on database %I to {role}', current_database()); end $$"
)

TRANSIENT_ERRORS: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg raises when a backend is terminated within a transaction
    asyncpg.exceptions.TransactionRollbackError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.IdleInTransactionSessionTimeoutError,
    asyncpg.exceptions.LockNotAvailableError,
    OSError,
    TimeoutError,
)
"""Faults that pass: the same work is worth trying again, on another connection."""


def make_pool(dsn: str, *, application: str, size: int, statement_seconds: float | None = None) -> Pool:
    """A pool of at most `size` connections, to be opened by awaiting it; needs a running event loop.

    A stopped process loses its locks after 15 s in a transaction. With `statement_seconds` the server ends each longer
    statement with `QueryCanceledError`.
    """
    bound = (
        {} if statement_seconds is None else {"statement_timeout": str(round(statement_seconds * 1000) or 1)}
    )
    return asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
        reset=_nothing_to_reset,
        server_settings={
            "application_name": application,
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MILLISECONDS),
            **bound,
        },
    )


async def _nothing_to_reset(connection: asyncpg.Connection) -> None:
    """Saves a round trip each time a connection is given back.

    Every lock, cursor and setting here ends with its transaction, and asyncpg has rolled back what was open.
    """


def connector(dsn: str) -> Connect:
    """What opens connections to `dsn`."""
    return functools.partial(asyncpg.connect, dsn)


async def close_pool(pool: Pool, seconds: float = CLOSE_SECONDS) -> None:
    """Waits for what still uses a connection, for at most `seconds`; then ends every connection."""
    try:
        async with asyncio.timeout(seconds):
            await pool.close()
    except TimeoutError:
        pool.terminate()


async def wait_for_database(dsn: str, seconds: float = START_SECONDS) -> None:
    """Returns when the server takes connections; raises the last error if it does not within `seconds`.

    Servers and services that start at once, as after a power cut, need no order.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        try:
            connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
        except TRANSIENT_ERRORS:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(RETRY_SECONDS)
        else:
            await connection.close()
            return


async def open_pool(dsn: str, *, application: str, size: int) -> Pool:
    """A pool as `make_pool` makes it, opened."""
    pool = make_pool(dsn, application=application, size=size)
    await pool
    return pool


def named_queries(package: str, file: str = "queries.sql") -> Mapping[str, str]:
    """The queries of a `.sql` file beside the module that runs them, by name.

    Each starts with a line `-- name: its_name` and, on the next, one that says what it is for.
    """
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    parts = re.split(r"^-- name: *(\w+) *$", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


async def migrate(dsn: str, packages: Sequence[str], *, role: str, settings: Mapping[str, str]) -> list[str]:
    """Applies every numbered migration of `packages` that has not been applied; returns their names.

    `@role@` in a migration stands for the service's own role, `@name@` for `settings[name]`. All of it is one
    transaction under a lock, so that two processes may start at once. The role may make temporary tables, for
    verifications; a right to the database is in no backup of it, so it is granted each time.
    """
    connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", MIGRATION_LOCK)
            await connection.execute(
                "create table if not exists migrations"
                " (name text primary key, applied_at timestamptz not null default now())"
            )
            done = {row["name"] for row in await connection.fetch("select name from migrations")}
            applied = []
            for name, statements in _pending(packages, done):
                for key, value in {"role": role, **settings}.items():
                    statements = statements.replace(f"@{key}@", value)
                await connection.execute(statements)
                await connection.execute("insert into migrations (name) values ($1)", name)
                applied.append(name)
            await connection.execute(GRANT_TEMPORARY.format(role=role))
            return applied
    finally:
        await connection.close()


def _pending(packages: Sequence[str], done: set[str]) -> list[tuple[str, str]]:
    found = []
    for package in packages:
        folder = resources.files(package).joinpath("migrations")
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            name = f"{package}/{file.name}"
            if file.name.endswith(".sql") and name not in done:
                found.append((name, file.read_text(encoding="utf-8")))
    return found
