"""What a run of seeds came to, as one JSON object."""

import os
import platform
from collections import Counter
from importlib.metadata import version
from typing import Any, Final

import psutil

from tests.simulation.scenario import Outcome
from tests.tools.bench.machine import processor

PACKAGES: Final = ("aiokafka", "asyncpg", "faststream", "msgspec")
TOLD: Final = 300


class Tally:
    """Adds seeds up, so that a hundred thousand need no memory."""

    def __init__(self, first: int, processes: int, commit: str) -> None:
        self._first = first
        self._processes = processes
        self._commit = commit
        self._seeds = 0
        self._steps = 0
        self._virtual_seconds = 0.0
        self._failures: dict[int, str] = {}
        self._faults: Counter[str] = Counter()
        self._missed: Counter[str] = Counter()
        self._seeds_with: Counter[str] = Counter()
        self._unbroken = 0
        self.cpu_seconds = 0.0
        self.interrupted = False
        self.digests: dict[int, str] = {}

    def add(self, outcome: Outcome) -> None:
        """One more seed."""
        self._seeds += 1
        self._steps += outcome.steps
        self._virtual_seconds += outcome.seconds
        self._faults.update(outcome.faults)
        self._missed.update(outcome.missed)
        self._seeds_with.update(outcome.faults.keys())
        self._unbroken += not outcome.faults
        if outcome.failures:
            self._failures[outcome.seed] = outcome.failures[0][-TOLD:]
        if outcome.digest:
            self.digests[outcome.seed] = outcome.digest

    def report(self, seconds: float) -> dict[str, Any]:
        """All of it; `seconds` passed on the clock."""
        return {
            "seeds": self._seeds,
            "first": self._first,
            "interrupted": self.interrupted,
            "failures": sorted(self._failures),
            "first_findings": {str(seed): self._failures[seed] for seed in sorted(self._failures)},
            "seconds": round(seconds, 1),
            "cpu_seconds": round(self.cpu_seconds, 1),
            "seeds_per_second": round(self._seeds / max(seconds, 0.001), 1),
            "virtual_seconds": round(self._virtual_seconds),
            "steps": self._steps,
            "seeds_without_faults": self._unbroken,
            "faults": dict(sorted(self._faults.items())),
            "did_not_happen": dict(sorted(self._missed.items())),
            "seeds_with_fault": dict(sorted(self._seeds_with.items())),
            "commit": self._commit,
            "machine": {
                "system": platform.platform(),
                "processor": processor(),
                "cores": os.cpu_count(),
                "memory_gib": round(psutil.virtual_memory().total / 2**30),
                "processes": self._processes,
            },
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in PACKAGES},
            },
        }
