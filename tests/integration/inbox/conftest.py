"""The adder's database, and a topic of its own for each test."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import pytest_asyncio

from shared.postgres import migrate
from tests.integration.inbox.adder import TABLES, Adder, open_adder

if TYPE_CHECKING:
    from infra.local.databases import Databases


@pytest_asyncio.fixture(loop_scope="session")
async def adder(databases: "Databases") -> AsyncIterator[Adder]:
    owner = databases.allocation.owner_dsn
    await migrate(owner, ["shared.inbox"], role="rahnama_allocation", settings={})
    connection = await asyncpg.connect(owner)
    await connection.execute(TABLES)
    await connection.close()
    service = await open_adder(databases.allocation.dsn)
    try:
        yield service
    finally:
        await service.pool.close()
