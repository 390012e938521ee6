"""Readiness does not outlive the watch that it comes from."""

from typing import Any

import pytest

from shared.service import database_check
from shared.service.database_check import DatabaseWatch
from tests.deadlines import until


class FailingPool:
    """Answers once; then it fails as no server does."""

    def __init__(self) -> None:
        self.asked = 0

    async def fetchval(self, query: str) -> int:
        self.asked += 1
        if self.asked > 1:
            raise LookupError(query)
        return 1

    def get_size(self) -> int:
        return 1

    def get_idle_size(self) -> int:
        return 1

    def get_max_size(self) -> int:
        return 1


async def test_a_watch_that_has_ended_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_check, "LOOK_SECONDS", 0.0)
    pool: Any = FailingPool()
    watch = DatabaseWatch(pool)
    assert watch.ready() == "the database was not asked yet"
    await watch.start()
    assert watch.ready() is None
    await until(lambda: watch.ready() is not None)
    assert watch.ready() == "the database is not asked any more"
    assert pool.asked == 2
    await watch.stop()
    assert watch.ready() == "stopped"
