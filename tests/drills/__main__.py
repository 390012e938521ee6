"""`make drills`: every drill of the runbooks once, on real servers; one JSON line, and a report in docs."""

import contextlib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from infra.local.supervisor import versions

DRILLS: Final = "tests/drills"
REPORTS: Final = Path(__file__).parents[2] / "docs" / "reports"


class Outcomes:
    """A plugin of pytest that keeps how each drill ended, and how long it took without its setup."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Told after each phase of each test."""
        name = report.nodeid.partition("::test_")[2].replace("_", " ")
        drill = self.found.setdefault(name, {"passed": True, "seconds": 0.0})
        drill["passed"] = drill["passed"] and report.passed
        if report.when == "call":
            drill["seconds"] = round(report.duration, 1)


def main() -> int:
    """0 when every drill has passed."""
    outcomes = Outcomes()
    with contextlib.redirect_stdout(sys.stderr):
        code = pytest.main([DRILLS, "-q", "--no-header", "-p", "no:cacheprovider"], plugins=[outcomes])
    machine = {"machine": platform.platform(), "cores": os.cpu_count(), **versions()}
    report = {"machine": machine, "drills": outcomes.found}
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / "drills.json").write_text(
        json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (REPORTS / "drills.md").write_text(_table(report), encoding="utf-8")
    print(json.dumps(report, ensure_ascii=False))
    return int(code)


def _table(report: dict[str, Any]) -> str:
    lines = [
        "# Drills",
        "",
        "Made by `make drills`. What each one is about: [runbooks](../runbooks/README.md).",
        "",
        *(f"- {name}: {value}" for name, value in report["machine"].items()),
        "",
        "| drill | passed | seconds |",
        "|---|---|---|",
    ]
    for name, drill in report["drills"].items():
        lines.append(f"| {name} | {'yes' if drill['passed'] else 'no'} | {drill['seconds']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
