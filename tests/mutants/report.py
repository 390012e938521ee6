"""The result of a run of the mutants: one JSON object, and a table for the documentation."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from tests.mutants.mutant import Trial


def summary(trials: Sequence[Trial], seconds: float) -> dict[str, Any]:
    """The counts, and for each mutant the test that caught it."""
    return {
        "mutants": len(trials),
        "caught": sum(trial.outcome == "caught" for trial in trials),
        "survived": [trial.mutant.name for trial in trials if trial.outcome == "survived"],
        "errors": {trial.mutant.name: trial.detail for trial in trials if trial.outcome == "error"},
        "seconds": round(seconds, 1),
        "breaks": {trial.mutant.name: trial.mutant.breaks for trial in trials},
        "catchers": {trial.mutant.name: trial.caught_by for trial in trials if trial.outcome == "caught"},
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "versions": {name: version(name) for name in ("aiokafka", "asyncpg", "faststream", "pytest")},
    }


def mutants_page(report: dict[str, Any]) -> str:
    """The report as a page."""
    lines = [
        "# Mutants",
        "",
        "Faults that were planted on purpose, one at a time, and the first test whose assertion failed because of",
        "each. Made by `make mutants TABLE=1`, one run of all; what each one changes is in `tests/mutants/`.",
        "",
        f"Commit: {report['commit']}.",
        "",
        "| mutant | what it breaks | caught by |",
        "|---|---|---|",
    ]
    for name, breaks in report["breaks"].items():
        outcome = "survived" if name in report["survived"] else "error"
        catcher = f"`{report['catchers'][name]}`" if name in report["catchers"] else f"**{outcome}**"
        lines.append(f"| {name} | {breaks} | {catcher} |")
    return "\n".join(lines) + "\n"
