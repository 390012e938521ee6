"""Copies of databases for the tests of commands that mend them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.integration.recover.accepting import Accepting
from tests.integration.recover.backups import Backups, backups_on
from tests.servers import MakesDatabases, MakesTopics, PostgresCluster


@pytest_asyncio.fixture(loop_scope="session")
async def backups(postgres: PostgresCluster) -> AsyncIterator[Backups]:
    """Dropped after the test."""
    async with backups_on(postgres.admin_dsn) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def accepting(
    make_databases: MakesDatabases, topics: MakesTopics, tmp_path: Path
) -> AsyncIterator[Accepting]:
    """Migrated, with topics of its own."""
    accepting = Accepting((await make_databases()).intake, await topics(), tmp_path)
    await accepting.migrate()
    yield accepting
