"""Tables that are locked, so that a test holds what reads them for as long as it likes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

WAIT_SECONDS = 20


class Locked:
    """A lock on one table, and who waits for it."""

    def __init__(self, owner: asyncpg.Connection, table: str) -> None:
        self._owner = owner
        self._table = table

    async def waits_for(self, sessions: int) -> None:
        """Returns as soon as so many sessions wait for the table."""
        async with asyncio.timeout(WAIT_SECONDS):
            while await self._waiting() != sessions:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def _waiting(self) -> int:
        waiting: int = await self._owner.fetchval(
            "select count(*) from pg_locks where relation = $1::regclass and not granted", self._table
        )
        return waiting


@asynccontextmanager
async def locked(dsn: str, table: str) -> AsyncIterator[Locked]:
    """Nobody else reads or writes `table` until the end of the block; `dsn` is its owner's."""
    owner = await asyncpg.connect(dsn)
    try:
        async with owner.transaction():
            await owner.execute(f"lock table {table} in access exclusive mode")
            yield Locked(owner, table)
    finally:
        await owner.close()
