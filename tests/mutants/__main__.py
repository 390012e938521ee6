"""`python -m tests.mutants [--only NAME …] [--table]`: plants each mutant and runs its catchers.

Progress goes to standard error; the last line on standard output is one JSON object. Exit 0 only when every mutant
was caught by an assertion that failed. One that breaks the types, or whose catchers end otherwise, is an error.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from infra.local.home import Home
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant, Trial
from tests.mutants.report import mutants_page, summary
from tests.mutants.runner import confirmed, try_mutant
from tests.mutants.soundness import type_errors
from tests.provenance import REPORTS, commit, require_clean, stamp
from tests.servers import running_kafka, running_postgres

AT_ONCE = 2


def main() -> int:
    """The exit code."""
    arguments = argparse.ArgumentParser(prog="python -m tests.mutants")
    arguments.add_argument("--only", nargs="*", metavar="NAME", help="these mutants alone")
    arguments.add_argument("--table", action="store_true", help="write docs/reports/mutants.{md,json}")
    given = arguments.parse_args()
    chosen = [mutant for mutant in MUTANTS if not given.only or mutant.name in given.only]
    unknown = set(given.only or ()) - {mutant.name for mutant in chosen}
    if unknown or not chosen:
        arguments.error(f"no such mutant: {', '.join(sorted(unknown))}")
    if given.table and given.only:
        arguments.error("the report is of one whole run: --table and --only exclude each other")
    of = require_clean() if given.table else commit()
    began = time.monotonic()
    with Home.from_environment().scratch_folder("mutants") as folder:
        trials = asyncio.run(_try_all(folder, chosen))
    found = summary(trials, time.monotonic() - began)
    if given.table:
        found = stamp(found, of)
        REPORTS.mkdir(parents=True, exist_ok=True)
        (REPORTS / "mutants.md").write_text(mutants_page(found), encoding="utf-8")
        (REPORTS / "mutants.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found))
    return 0 if found["caught"] == len(chosen) else 1


def _caught_before() -> dict[str, str]:
    """By mutant, the test that caught it in the last report: it runs first, so that a run takes less time."""
    report = REPORTS / "mutants.json"
    if not report.exists():
        return {}
    caught: dict[str, str] = json.loads(report.read_text(encoding="utf-8"))["catchers"]
    return caught


async def _try_all(folder: Path, mutants: Sequence[Mutant]) -> list[Trial]:
    _report("checking the types of every mutant …")
    unsound = await asyncio.to_thread(type_errors, folder, mutants)
    for name, errors in unsound.items():
        _report(f"error     {name}: {errors}")
    caught_before = _caught_before()
    async with _servers():
        turns = asyncio.Semaphore(AT_ONCE)

        async def take_turn(mutant: Mutant) -> Trial:
            if errors := unsound.get(mutant.name):
                return Trial(mutant, "error", "", 0.0, errors)
            async with turns:
                trial = await asyncio.to_thread(try_mutant, folder, mutant, caught_before)
            _report(
                f"{trial.outcome:9} {mutant.name} ({trial.seconds:.0f} s) {trial.caught_by}{trial.detail}"
            )
            return trial

        trials = await asyncio.gather(*(take_turn(mutant) for mutant in mutants))
        _report("the tests that caught a mutant must pass without it …")
        return await asyncio.to_thread(confirmed, folder, trials)


@asynccontextmanager
async def _servers() -> AsyncIterator[None]:
    """One Kafka and one Postgres for all runs; the environment names them to the runs."""
    async with running_kafka() as kafka, running_postgres() as postgres:
        os.environ["RAHNAMA_TEST_KAFKA"] = kafka
        os.environ["RAHNAMA_TEST_POSTGRES"] = postgres.admin_dsn
        yield


def _report(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
