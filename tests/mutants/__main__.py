"""`python -m tests.mutants [--only NAME …] [--table]`: plants each mutant and lets its catchers find it.

Progress goes to standard error; the last line on standard output is one JSON object. Exit 0 only when every mutant
was caught.
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

from infra.local.home import REPOSITORY, Home
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Mutant, Trial
from tests.mutants.report import summary, table
from tests.mutants.runner import require_green, try_mutant
from tests.servers import running_kafka, running_postgres

REPORTS = REPOSITORY / "docs" / "reports"
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
    began = time.monotonic()
    with Home.from_environment().scratch_folder("mutants") as folder:
        trials = asyncio.run(_try_all(folder, chosen))
    found = summary(trials, time.monotonic() - began)
    if given.table:
        REPORTS.mkdir(parents=True, exist_ok=True)
        (REPORTS / "mutants.md").write_text(table(trials), encoding="utf-8")
        (REPORTS / "mutants.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found))
    return 0 if found["caught"] == len(chosen) else 1


async def _try_all(folder: Path, mutants: Sequence[Mutant]) -> list[Trial]:
    async with _servers():
        _tell("the catchers must be green without a mutant …")
        await asyncio.to_thread(require_green, folder, mutants)
        turns = asyncio.Semaphore(AT_ONCE)

        async def take_turn(mutant: Mutant) -> Trial:
            async with turns:
                trial = await asyncio.to_thread(try_mutant, folder, mutant)
            _tell(f"{trial.outcome:9} {mutant.name} ({trial.seconds:.0f} s) {trial.caught_by}")
            return trial

        return list(await asyncio.gather(*(take_turn(mutant) for mutant in mutants)))


@asynccontextmanager
async def _servers() -> AsyncIterator[None]:
    """One Kafka and one Postgres for all runs; the runs are told of them by the environment."""
    async with running_kafka() as kafka, running_postgres() as postgres:
        os.environ["RAHNAMA_TEST_KAFKA"] = kafka
        os.environ["RAHNAMA_TEST_POSTGRES"] = postgres.admin_dsn
        yield


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
