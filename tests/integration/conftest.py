"""For every test with real servers."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def nothing_forgotten() -> Iterator[None]:
    """What a test left open fails that test and no later one: the collector runs after each."""
    yield
    gc.collect()
