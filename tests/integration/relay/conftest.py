"""The harness on which a relay is tested: one database for a module, emptied for each test, and a topic for each."""

import secrets
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest_asyncio

from infra.local.databases import Databases, ServiceDatabase
from tests.servers import MakesTopics, TopicSet

if TYPE_CHECKING:
    from tests.integration.relay.harness import RelayHarness


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def log_database(module_databases: Databases) -> ServiceDatabase:
    """A database with a log."""
    from tests.integration.relay.harness import migrate_log

    await migrate_log(module_databases.intake)
    return module_databases.intake


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def topic_set(module_topics: MakesTopics) -> TopicSet:
    """A prefix; what begins with it is deleted after the module."""
    return await module_topics(partitions=1)


@pytest_asyncio.fixture(loop_scope="session")
async def harness(log_database: ServiceDatabase, topic_set: TopicSet) -> "AsyncIterator[RelayHarness]":
    """An empty log of two partitions, and its empty topic."""
    from tests.integration.relay.harness import empty_log, laid

    await empty_log(log_database)
    async with laid(log_database, topic_set.bootstrap, topic_set.name(secrets.token_hex(4))) as harness:
        await harness.create_topic()
        yield harness
