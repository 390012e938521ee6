"""The same script on the database in memory and on PostgreSQL, and what each of them said."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from uuid import UUID

import asyncpg

from infra.local.databases import ServiceDatabase
from shared.postgres import migrate
from tests.simulation.database import Database
from tests.simulation.loop import SimulatedLoop
from tests.simulation.pool import connect
from tests.simulation.queries import load_queries
from tests.simulation.schema import PACKAGES

PARTITIONS = 4

Open = Callable[[], Awaitable[Any]]
Script = Callable[[Open], Coroutine[Any, Any, Any]]


async def prepare(database: ServiceDatabase, service: str) -> None:
    """The service's tables."""
    await migrate(
        database.owner_dsn,
        PACKAGES[service],
        role=f"rahnama_{service}",
        settings={"partitions": str(PARTITIONS)},
    )


def in_memory(service: str, script: Script) -> Any:
    """What the script returns over the double. Runs in a loop of its own; call it where no loop runs."""
    load_queries()
    loop = SimulatedLoop(random.Random(1), shuffle=0.0)
    database = Database(service, PARTITIONS, loop, random.Random(2))

    async def open_one() -> Any:
        return await connect(database)

    try:
        return loop.run_until_complete(script(open_one))
    finally:
        loop.bury()


async def on_both(database: ServiceDatabase, service: str, script: Script) -> tuple[Any, Any]:
    """What the script returns in memory, and on PostgreSQL."""
    double = await asyncio.to_thread(in_memory, service, script)
    opened: list[Any] = []

    async def open_one() -> Any:
        opened.append(await asyncpg.connect(database.dsn))
        return opened[-1]

    try:
        real = await script(open_one)
    finally:
        for connection in opened:
            await connection.close()
    return double, real


def plainly(value: Any) -> Any:
    """A result as both can have it."""
    if isinstance(value, list):
        return [plainly(item) for item in value]
    if hasattr(value, "items"):
        return {name: plainly(item) for name, item in value.items()}
    return str(value) if isinstance(value, UUID) else value


async def outcome(work: Awaitable[Any]) -> Any:
    """What it gives; or the name of the error that it raises, with the constraint."""
    try:
        return plainly(await work)
    except asyncpg.PostgresError as error:
        return type(error).__name__, getattr(error, "constraint_name", None)
