"""One intake for the tests of a module; tests use people of their own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from infra.local.databases import Databases
from tests.integration.intake.harness import Intake, make_settings, prepare, running
from tests.servers import MakesTopics
from tests.tokens import TestIssuer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("intake")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def intake(
    module_databases: Databases, module_topics: MakesTopics, folder: Path
) -> AsyncIterator[Intake]:
    """Migrated, started and ready, with topics of its own."""
    database = module_databases.intake
    await prepare(database)
    issuer = TestIssuer(folder)
    topics = await module_topics()
    settings = make_settings(database, topics, issuer, folder)
    async with running(database, topics, issuer, settings) as started:
        yield started
