"""Copies of databases for the tests of commands that mend them."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.integration.recover.backups import Backups, backups_on
from tests.servers import PostgresCluster


@pytest_asyncio.fixture(loop_scope="session")
async def backups(postgres: PostgresCluster) -> AsyncIterator[Backups]:
    """Dropped after the test."""
    async with backups_on(postgres.admin_dsn) as found:
        yield found
