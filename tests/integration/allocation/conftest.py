"""A fresh allocation for each test."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest_asyncio

from services.allocation.app import build
from services.allocation.settings import Settings
from shared.postgres import Pool, open_pool
from tests.integration.allocation.running import Allocation, Service, migrated
from tests.tokens import TestIssuer

if TYPE_CHECKING:
    from tests.servers import MakesDatabases, MakesTopics


@pytest_asyncio.fixture(loop_scope="session")
async def service(
    make_databases: "MakesDatabases", topics: "MakesTopics", tmp_path: Path
) -> AsyncIterator[Service]:
    """A fresh allocation, started and ready."""
    database = (await make_databases()).allocation
    await migrated(database)
    issuer = TestIssuer(tmp_path)
    made = await topics()
    settings = Settings(
        database_url=database.dsn,
        kafka_bootstrap=made.bootstrap,
        topic_prefix=made.prefix,
        jwks_file=issuer.jwks_file,
        jwt_issuer=issuer.issuer,
    )
    app = build(settings)
    async with app.router.lifespan_context(app):
        service = Service(app, made, issuer)
        yield service
        await service.client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def allocations(make_databases: "MakesDatabases") -> AsyncIterator[list[Allocation]]:
    """Two allocations, each with a database of its own."""
    pools: list[Pool] = []
    for _ in range(2):
        database = (await make_databases()).allocation
        await migrated(database)
        pools.append(await open_pool(database.dsn, application="test", size=4))
    yield [Allocation(pool) for pool in pools]
    for pool in pools:
        await pool.close()
