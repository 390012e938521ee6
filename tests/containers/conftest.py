"""One composition for all tests of this folder; it is taken down at the end, with its data."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest
import pytest_asyncio

from infra.images.engine import require_engine
from infra.local.home import Home
from infra.local.system import System
from tests.containers.composition import Composition
from tests.e2e.upstream import Upstream


@dataclass
class Stopwatch:
    """How long things took, for the report at the end."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Notes the seconds that its body takes."""
        start = time.monotonic()
        yield
        self.seconds[what] = round(time.monotonic() - start, 1)


@pytest.fixture(scope="session")
def stopwatch() -> Iterator[Stopwatch]:
    """Printed as one JSON object when all is done."""
    watch = Stopwatch()
    yield watch
    print("\n" + json.dumps(watch.seconds))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def composition(stopwatch: Stopwatch) -> AsyncIterator[Composition]:
    """Everything up and ready."""
    require_engine()
    with Home.from_environment().scratch_folder("tests") as folder:
        running = Composition(folder)
        try:
            with stopwatch.timed("up from nothing"):
                await running.up()
            yield running
        finally:
            await asyncio.to_thread(running.down)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def upstream(composition: Composition) -> AsyncIterator[Upstream]:
    """The sender that the tests of the whole system use: it asks for nothing that a composition has not."""
    async with Upstream(cast(System, composition)) as upstream:
        yield upstream
