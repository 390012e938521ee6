"""asyncpg's pool over the database in memory."""

import asyncio
from collections import deque
from collections.abc import Generator, Mapping
from typing import Any, Final

from tests.simulation.connections import Connection
from tests.simulation.database import Database
from tests.simulation.statements import Record

POOL_SIZE: Final = 8
COMMAND_SECONDS: Final = 60.0
CONNECT_SECONDS: Final = 0.004


class Pool:
    """At most so many connections, opened when they are needed."""

    def __init__(self, database: Database, size: int = POOL_SIZE) -> None:
        self._database = database
        self._size = size
        self._idle: list[Connection] = []
        self._used = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    def acquire(self, *, timeout: float | None = None) -> "_Acquiring":
        """To be awaited, or entered."""
        return _Acquiring(self, timeout)

    async def release(self, connection: Connection) -> None:
        """Gives a connection back."""
        connection.release()
        if not connection.is_closed():
            self._idle.append(connection)
        self._used -= 1
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                break

    async def fetch(self, query: str, *arguments: Any, timeout: float | None = None) -> list[Record]:
        """On some connection."""
        connection = await self.take()
        try:
            return await connection.fetch(query, *arguments, timeout=timeout)
        finally:
            await self.release(connection)

    async def fetchval(self, query: str, *arguments: Any, timeout: float | None = None) -> Any:
        """On some connection."""
        connection = await self.take()
        try:
            return await connection.fetchval(query, *arguments, timeout=timeout)
        finally:
            await self.release(connection)

    async def execute(self, query: str, *arguments: Any, timeout: float | None = None) -> str:
        """On some connection."""
        connection = await self.take()
        try:
            return await connection.execute(query, *arguments, timeout=timeout)
        finally:
            await self.release(connection)

    async def take(self) -> Connection:
        """A connection that is open, as far as the client knows."""
        while self._used >= self._size:
            waiter = self._database.loop.create_future()
            self._waiters.append(waiter)
            await waiter
        self._used += 1
        try:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
            return await connect(self._database)
        except BaseException:
            self._used -= 1
            raise

    def terminate(self) -> None:
        """Ends every idle connection."""
        for connection in self._idle:
            connection.terminate()
        self._idle.clear()


class _Acquiring:
    def __init__(self, pool: Pool, timeout: float | None) -> None:
        self._pool = pool
        self._timeout = timeout
        self._taken: Connection | None = None

    def __await__(self) -> Generator[Any, None, Connection]:
        return self._take().__await__()

    async def __aenter__(self) -> Connection:
        self._taken = await self._take()
        return self._taken

    async def __aexit__(self, *_: object) -> None:
        if self._taken is not None:
            await self._pool.release(self._taken)

    async def _take(self) -> Connection:
        async with asyncio.timeout(self._timeout):
            return await self._pool.take()


async def connect(
    database: Database,
    *,
    command_timeout: float = COMMAND_SECONDS,
    server_settings: Mapping[str, str] | None = None,
    **_: Any,
) -> Connection:
    """Opens a connection; takes the options of `asyncpg.connect`. Raises `OSError` while the server is down."""
    await asyncio.sleep(CONNECT_SECONDS * (1 + database.chance.random()))
    if database.down or database.fate("connect") is not None:
        raise ConnectionRefusedError("the database does not listen")
    idle = (server_settings or {}).get("idle_session_timeout")
    return Connection(
        database,
        command_seconds=command_timeout,
        idle_seconds=int(idle) / 1000 if idle is not None else None,
    )
