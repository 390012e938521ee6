"""Whole systems for these tests, each on servers and ports of its own.

They end with the last test of this folder: left to the end of all tests, each would take an eighth of a core for nothing.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from infra.demo.cohort import CohortSize, make_cohort
from infra.demo.traced import collector_environment
from infra.local.home import Home
from infra.local.ports import SystemPorts
from infra.local.system import System
from infra.otel.collector import Collector
from tests.e2e.load import Populated
from tests.e2e.upstream import Upstream


@asynccontextmanager
async def upstream_of_new_system(collector: Collector | None = None) -> AsyncIterator[Upstream]:
    """A fresh system, stopped at the end; its services export to `collector`."""
    environment = collector_environment(collector) if collector is not None else None
    with Home.from_environment().scratch_folder("tests") as folder:
        system = System(Home.from_environment(), folder, SystemPorts.free(), environment=environment)
        await system.start()
        try:
            async with Upstream(system) as upstream:
                yield upstream
        finally:
            await system.stop()


@pytest.fixture(autouse=True)
def nothing_forgotten() -> Iterator[None]:
    """What a test left open fails that test and no later one: the collector runs after each."""
    yield
    gc.collect()


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    """Of the traces of the system behind `upstream`."""
    with Collector() as collector:
        yield collector


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def upstream(collector: Collector) -> AsyncIterator[Upstream]:
    """A system that tests use and do not break; what they send must not meet what others send."""
    async with upstream_of_new_system(collector) as upstream:
        yield upstream


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def populated() -> AsyncIterator[Populated]:
    """A system with mentors and students whose topics and databases are lost; it must go on after each test."""
    cohort = make_cohort(seed=4, size=CohortSize(students=4000, mentors=160, managers=5))
    async with upstream_of_new_system() as upstream:
        await upstream.send_again(cohort.reference)
        populated = Populated(upstream, iter(cohort.students))
        await populated.send_more(lambda: asyncio.sleep(0))
        yield populated


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def battered() -> AsyncIterator[Upstream]:
    """A system of one module's own, whose parts are killed; it must go on after each test."""
    async with upstream_of_new_system() as upstream:
        yield upstream
