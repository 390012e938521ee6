"""A collector for tests: `with running_collector(monkeypatch) as collector:` and what is started exports to it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from infra.otel.collector import CollectedSpan, Collector

__all__ = ["CollectedSpan", "Collector", "running_collector"]


@contextmanager
def running_collector(monkeypatch: pytest.MonkeyPatch | None = None) -> Iterator[Collector]:
    """A collector on a free port; with `monkeypatch` this process's OTEL_… variables point to it."""
    with Collector() as collector:
        if monkeypatch is not None:
            for name, value in collector.environment().items():
                monkeypatch.setenv(name, value)
        yield collector
