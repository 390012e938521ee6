"""Fixtures for every kind of test. The real servers start when the first test asks for them; see tests/servers.py."""

import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest
import pytest_asyncio

if TYPE_CHECKING:  # unit tests must not pay for importing the servers' clients
    from infra.local.databases import Databases
    from tests.servers import MakesDatabases, MakesTopics, PostgresCluster, TopicSet


SHARED_SYSTEMS: Final = {
    "tests/e2e/test_doors.py": "upstream",
    "tests/e2e/test_invariants.py": "upstream",
    "tests/e2e/test_metrics.py": "upstream",
    "tests/e2e/test_personal_data.py": "upstream",
    "tests/e2e/test_traces.py": "upstream",
    "tests/e2e/test_replay.py": "populated",
    "tests/e2e/test_wiped_topics.py": "populated",
}
"""Files that use one whole system, by its fixture: the same worker runs them, so that it starts once."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """File by file, but those that share a system together."""
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    class BySystem(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return SHARED_SYSTEMS.get(file, file)

    return BySystem(config, log)


def pytest_collection_finish() -> None:
    """After many tests the collector looks for what they left open: not through all that was imported, each time."""
    gc.collect()
    gc.freeze()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kafka_bootstrap() -> AsyncIterator[str]:
    """`host:port` of one broker for the whole session; use `topics` for names of your own."""
    from tests.servers import running_kafka

    async with running_kafka() as bootstrap:
        yield bootstrap


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres() -> "AsyncIterator[PostgresCluster]":
    """One cluster for the whole session; use `databases` for a set of your own."""
    from tests.servers import running_postgres

    async with running_postgres() as cluster:
        yield cluster


@pytest_asyncio.fixture(loop_scope="session")
async def make_databases(postgres: "PostgresCluster") -> "AsyncIterator[MakesDatabases]":
    """`await make_databases()`: as many fresh sets as a test needs."""
    async with AsyncExitStack() as stack:

        async def make() -> "Databases":
            return await stack.enter_async_context(postgres.fresh())

        yield make


@pytest_asyncio.fixture(loop_scope="session")
async def databases(postgres: "PostgresCluster") -> "AsyncIterator[Databases]":
    """A fresh set: `.intake.dsn`, `.intake.owner_dsn`, `.allocation.dsn` …; dropped after the test."""
    async with postgres.fresh() as fresh:
        yield fresh


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_databases(postgres: "PostgresCluster") -> "AsyncIterator[Databases]":
    """As `databases`, for all tests of a module together."""
    async with postgres.fresh() as fresh:
        yield fresh


@pytest_asyncio.fixture(loop_scope="session")
async def topics(kafka_bootstrap: str) -> "AsyncIterator[MakesTopics]":
    """`await topics(partitions=4)`: the five topics under a fresh prefix; deleted after the test."""
    from tests.servers import fresh_topics

    async with AsyncExitStack() as stack:

        async def make(partitions: int = 12) -> "TopicSet":
            return await stack.enter_async_context(fresh_topics(kafka_bootstrap, partitions))

        yield make


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def module_topics(kafka_bootstrap: str) -> "AsyncIterator[MakesTopics]":
    """As `topics`, kept for all tests of a module."""
    from tests.servers import fresh_topics

    async with AsyncExitStack() as stack:

        async def make(partitions: int = 12) -> "TopicSet":
            return await stack.enter_async_context(fresh_topics(kafka_bootstrap, partitions))

        yield make
