"""`make bench`: every benchmark, or `ONLY=name`. Progress on standard error; the report is the last line printed."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from tests.provenance import REPORTS, commit, require_clean, stamp
from tests.tools.bench.cases import allocation, audit, engine, intake, latency, singles, tracing, whole
from tests.tools.bench.figures import INTERRUPTED, Figures, reached
from tests.tools.bench.machine import describe, reference_ms
from tests.tools.bench.pace import watched
from tests.tools.bench.pages import bench_page
from tests.tools.bench.sizes import FULL, SMALL, Sizes

CASES: Final[dict[str, Callable[[Sizes], Awaitable[Figures]]]] = {
    "engine": engine.run,
    "intake": intake.run,
    "allocation": allocation.run,
    "audit": audit.run,
    "whole": whole.run,
    "latency": latency.run,
    "singles": singles.run,
    "tracing": tracing.run,
}


def main() -> int:
    """0 when every benchmark's own result was right, however fast it was."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench", description=__doc__)
    parser.add_argument("--only", nargs="*", choices=list(CASES), default=[], help="these alone")
    parser.add_argument("--small", action="store_true", help="just enough to see that they work")
    parser.add_argument(
        "--table",
        action="store_true",
        help="also writes docs/reports/bench.md and .json, of some alone bench-<name>",
    )
    asked = parser.parse_args()
    of = require_clean() if asked.table else commit()
    try:
        with watched():
            report = asyncio.run(run_all(asked.only or list(CASES), SMALL if asked.small else FULL))
    except KeyboardInterrupt:
        return INTERRUPTED
    if asked.table:
        write_report(REPORTS, "-".join(["bench", *asked.only]), stamp(report, of))
    print(json.dumps(report, ensure_ascii=False))
    return 1 if report["failures"] else 0


async def run_all(names: Sequence[str], sizes: Sizes) -> dict[str, Any]:
    """The report. One that fails is told in `failures`, and the others still run."""
    about, begun = describe(), time.monotonic()
    benchmarks: dict[str, Figures] = {}
    failures: dict[str, str] = {}
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        started, speed = time.monotonic(), reference_ms()
        try:
            figures = await CASES[name](sizes)
        except Exception as error:
            failures[name] = _told(error)
            print(f"{name} failed: {failures[name]}", file=sys.stderr, flush=True)
        else:
            benchmarks[name] = {
                **figures,
                "took_seconds": round(time.monotonic() - started, 1),
                "reference_ms": {"before": speed, "after": reference_ms()},
            }
    return {
        **about,
        "seconds": round(time.monotonic() - begun),
        "benchmarks": benchmarks,
        "targets": reached(benchmarks),
        "failures": failures,
    }


def _told(error: BaseException) -> str:
    """Of a group its first error."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def write_report(folder: Path, name: str, report: dict[str, Any]) -> None:
    """`bench.json` and `bench.md`; of some alone `bench-tracing.json` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(
        json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    (folder / f"{name}.md").write_text(bench_page(report), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
