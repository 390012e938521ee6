"""The adder's database, emptied for each test."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import pytest_asyncio

from shared.postgres import migrate
from tests.integration.inbox.adder import EMPTIED, TABLES, Adder, open_adder

if TYPE_CHECKING:
    from infra.local.databases import Databases, ServiceDatabase


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(module_databases: "Databases") -> "ServiceDatabase":
    chosen = module_databases.allocation
    await migrate(chosen.owner_dsn, ["shared.inbox"], role="rahnama_allocation", settings={})
    connection = await asyncpg.connect(chosen.owner_dsn)
    await connection.execute(TABLES)
    await connection.close()
    return chosen


@pytest_asyncio.fixture(loop_scope="session")
async def adder(database: "ServiceDatabase") -> AsyncIterator[Adder]:
    service = await open_adder(database.dsn)
    try:
        await service.pool.execute(EMPTIED)
        yield service
    finally:
        await service.pool.close()
