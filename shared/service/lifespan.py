"""A service's life: its database, then its parts in order; and in the opposite order at the end."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

import structlog
from fastapi import FastAPI

from shared.append.log import require_partitions
from shared.http.app import Lifespan
from shared.inbox.garbage import GarbagePacer
from shared.postgres import Pool, close_pool, wait_for_database
from shared.recover.exclusive import require_no_command
from shared.service.database_check import DatabaseWatch
from shared.service.settings import ServiceSettings
from shared.telemetry import Telemetry

_log = structlog.get_logger("rahnama.service")


class Component(Protocol):
    """What starts with a service and stops with it, both in bounded time."""

    async def start(self) -> None:
        """Begins."""

    async def stop(self) -> None:
        """Ends what was begun."""


def service_lifespan(
    settings: ServiceSettings,
    pool: Pool,
    reads: Pool,
    database: DatabaseWatch,
    parts: Sequence[Component],
    pacer: GarbagePacer,
    telemetry: Telemetry,
) -> Lifespan:
    """Of an app whose `parts` are given in the order in which they start.

    Raises at the start `Misconfigured` when the database was made for another number of partitions, `InUse`
    while it is being recovered or rebuilt, and `Unfinished` after a recovery that was interrupted.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.callback(telemetry.stop)
            await wait_for_database(settings.database_url)
            for opened in (pool, reads):
                await opened
                stack.push_async_callback(close_pool, opened)
            async with pool.acquire() as connection:
                await require_no_command(connection)
                await require_partitions(connection, settings.partitions)
            for part in (database, *parts):
                stack.push_async_callback(part.stop)
                await part.start()
            pacer.start()
            stack.callback(pacer.stop)
            _log.info("service_started", partitions=settings.partitions)
            yield
            _log.info("service_stops")

    return lifespan
