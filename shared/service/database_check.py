"""Whether the database answers, asked in the background, so that readiness reads memory only."""

import asyncio
from typing import Final

import asyncpg

from shared.postgres import TRANSIENT_ERRORS, Pool
from shared.runtime.tasks import Background
from shared.service.pool_gauges import PoolGauges

LOOK_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 2.0


class DatabaseWatch:
    """Asks every 2 s. `start()` returns after the first answer, whichever it is."""

    def __init__(self, pool: Pool, name: str = "rahnama", reads: Pool | None = None) -> None:
        """`name` is the pool's in metrics; that of reads, which is measured only, is `<name>.reads`."""
        self._pool = pool
        self._gauges = [PoolGauges(pool, name)]
        if reads is not None:
            self._gauges.append(PoolGauges(reads, f"{name}.reads"))
        self._problem: str | None = "the database was not asked yet"
        self._background = Background()

    async def start(self) -> None:
        """Asks once, then goes on in the background."""
        for gauges in self._gauges:
            gauges.start()
        await self._look()
        self._background.start(self._go_on())

    async def stop(self) -> None:
        """Asks no more."""
        self._problem = "stopped"
        for gauges in self._gauges:
            gauges.stop()
        await self._background.end()

    def ready(self) -> str | None:
        """None while the database answers; else why not."""
        if self._problem is None and not self._background.runs:
            return "the database is not asked any more"
        return self._problem

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await self._pool.fetchval("select 1")
        except (asyncpg.PostgresError, *TRANSIENT_ERRORS) as error:
            self._problem = f"the database does not answer ({type(error).__name__})"
        else:
            self._problem = None
