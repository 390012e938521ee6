"""`make drills`: every drill of the runbooks once, on real servers; one JSON line, with --table a report in docs."""

import argparse
import contextlib
import json
import os
import platform
import sys
from typing import Any, Final

import pytest

from tests.drills.tables import drills_page
from tests.provenance import REPORTS, commit, require_clean, stamp

DRILLS: Final = "tests/drills"


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
    parser = argparse.ArgumentParser(prog="python -m tests.drills", description=__doc__)
    parser.add_argument("--table", action="store_true", help="also writes docs/reports/drills.md and .json")
    asked = parser.parse_args()
    of, outcomes = require_clean() if asked.table else commit(), Outcomes()
    with contextlib.redirect_stdout(sys.stderr):
        code = pytest.main([DRILLS, "-q", "--no-header", "-p", "no:cacheprovider"], plugins=[outcomes])
    from infra.local.supervisor import versions  # it imports anyio, which must be pytest's to import first

    machine = {"machine": platform.platform(), "cores": os.cpu_count(), **versions()}
    report = {"machine": machine, "drills": outcomes.found}
    if asked.table:
        report = stamp(report, of)
        REPORTS.mkdir(parents=True, exist_ok=True)
        text = json.dumps(report, indent=2, ensure_ascii=False)
        (REPORTS / "drills.json").write_text(text + "\n", encoding="utf-8")
        (REPORTS / "drills.md").write_text(drills_page(report), encoding="utf-8")
    print(json.dumps(report, ensure_ascii=False))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
