"""What a run of seeds came to: as one JSON object, and under docs/reports as data and as a page."""

import json
import os
import platform
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

from infra.local.home import REPOSITORY
from tests.bench.machine import processor
from tests.simulation.scenario import Outcome

REPORTS: Final = REPOSITORY / "docs" / "reports"
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


def write_report(report: dict[str, Any], folder: Path = REPORTS) -> list[Path]:
    """Writes `simulation.json` and `simulation.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    data, page = folder / "simulation.json", folder / "simulation.md"
    data.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page.write_text(_page(report), encoding="utf-8")
    return [data, page]


def _page(report: dict[str, Any]) -> str:
    machine, versions, seeds = report["machine"], report["versions"], report["seeds"]
    failures = [
        f"- `make simulate SEEDS=1 FIRST={seed}`: {' '.join(finding.split())}"
        for seed, finding in report["first_findings"].items()
    ]
    return "\n".join(
        [
            "# Simulated seeds",
            "",
            f"`make simulate SEEDS={seeds} FIRST={report['first']} TABLE=1`: {seeds:,} seeds in"
            f" {report['seconds'] / 60:.1f} minutes ({report['cpu_seconds'] / max(1, seeds):.3f} s of CPU a seed,"
            f" {machine['processes']} processes); {len(report['failures'])} failed."
            f" {report['virtual_seconds'] / 3600:,.0f} hours of virtual time in {report['steps']:,} steps,"
            f" {sum(report['faults'].values()):,} faults made; {report['seeds_without_faults']:,} seeds had none."
            " All nine invariants (tests/invariants) are checked at the end of each seed. What is simulated, how,"
            " and what was found and mended: [simulation](../simulation.md).",
            "",
            "A fault that found nothing to break (a kill at a step that was not reached, a topic without records) did not"
            " happen, and is not counted as made.",
            "",
            "| fault | made | did not happen | seeds with it |",
            "|---|---:|---:|---:|",
            *(
                f"| {fault} | {report['faults'].get(fault, 0):,} | {report['did_not_happen'].get(fault, 0):,}"
                f" | {report['seeds_with_fault'].get(fault, 0):,} |"
                for fault in sorted({*report["faults"], *report["did_not_happen"]})
            ),
            "",
            f"Machine: {machine['cores']} cores ({machine['processor']}), {machine['memory_gib']} GiB,"
            f" {machine['system']}. Versions: "
            + ", ".join(f"{name} {number}" for name, number in versions.items())
            + f". Commit: {report['commit'] or 'unknown'}.",
            *(["", "Failed:", "", *failures] if failures else []),
            "",
        ]
    )
