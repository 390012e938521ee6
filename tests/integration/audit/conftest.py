"""A fresh audit service for each test."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest_asyncio

from tests.integration.audit.running import PARTITIONS, Audit, running_audit

if TYPE_CHECKING:
    from tests.servers import MakesDatabases, MakesTopics


@pytest_asyncio.fixture(loop_scope="session")
async def audit(
    make_databases: "MakesDatabases", topics: "MakesTopics", tmp_path: Path
) -> AsyncIterator[Audit]:
    """Started and ready, with nothing in it."""
    made = await topics(partitions=PARTITIONS)
    async with running_audit((await make_databases()).audit, made, tmp_path) as running:
        yield running
