"""Connections to Postgres: the pool, connections beside it, and which errors pass."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg

CONNECT_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 5.0
START_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 0.2
COMMAND_SECONDS: Final = 60.0
CONNECTION_QUERIES: Final = 50_000
CONNECTION_IDLE_SECONDS: Final = 300.0
ACQUIRE_SECONDS: Final = 5.0
"""How long a read waits for a connection of a pool whose statements are bounded; then `TimeoutError`."""
IDLE_IN_TRANSACTION_MILLISECONDS: Final = 15_000

Pool = asyncpg.Pool
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
Connect = Callable[..., Awaitable[asyncpg.Connection]]
"""Opens a connection of its own beside the pool; takes the options of `asyncpg.connect`."""

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


class _ReadPool(asyncpg.Pool):
    """Bounds the wait for a connection, also in `fetch` and its like."""

    __slots__ = ()

    def acquire(self, *, timeout: float | None = None) -> asyncpg.pool.PoolAcquireContext:
        return super().acquire(timeout=ACQUIRE_SECONDS if timeout is None else timeout)


def make_pool(dsn: str, *, application: str, size: int, statement_seconds: float | None = None) -> Pool:
    """A pool of at most `size` connections, to be opened by awaiting it; needs a running event loop.

    A stopped process loses its locks after 15 s in a transaction. With `statement_seconds` the server ends each longer
    statement with `QueryCanceledError`, and nobody waits for a connection longer than `ACQUIRE_SECONDS`.
    """
    bound = (
        {} if statement_seconds is None else {"statement_timeout": str(round(statement_seconds * 1000) or 1)}
    )
    kind = Pool if statement_seconds is None else _ReadPool
    return kind(
        dsn,
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
        connect=None,
        setup=None,
        init=None,
        loop=None,
        init_size=None,
        min_size=1,
        max_size=size,
        max_queries=CONNECTION_QUERIES,
        max_inactive_connection_lifetime=CONNECTION_IDLE_SECONDS,
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
