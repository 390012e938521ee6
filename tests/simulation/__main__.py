"""`make simulate SEEDS=2000 FIRST=1`: runs seeds on every core; a seed that fails is named and replays exactly.

The last line on standard output is one JSON object, also when it is interrupted. Exits with 1 then, and when a seed failed.
"""

import argparse
import gc
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from tests.provenance import commit, require_clean, stamp
from tests.simulation.installation import prepare
from tests.simulation.log_output import log_to
from tests.simulation.pages import write_report
from tests.simulation.report import Tally
from tests.simulation.run import run_seed, silence
from tests.simulation.scenario import Outcome

CHUNK: Final = 10
CHUNKS_OF_A_PROCESS: Final = 200
"""Then it is replaced by a new one, and whatever has gathered in it is gone."""
CHUNK_SECONDS: Final = 600.0
"""A process that was killed from outside never answers."""
TOLD: Final = 20
PROGRESS_SECONDS: Final = 30.0
SETS_IN_ORDER: Final = "0"
"""Python's sets of strings are gone through in the order of their hashes, which differ from process to process."""


@dataclass(frozen=True)
class Done:
    """What some seeds came to, and the processor's seconds that they took."""

    outcomes: Sequence[Outcome]
    cpu_seconds: float


def main(arguments: Sequence[str]) -> int:
    """Runs what the command line asks for; returns the exit code."""
    wanted = _wanted(arguments)
    if os.environ.get("PYTHONHASHSEED") != SETS_IN_ORDER:
        os.environ["PYTHONHASHSEED"] = SETS_IN_ORDER
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *arguments])
    of = require_clean() if wanted.table else commit()
    began, tally = time.monotonic(), Tally(wanted.first, wanted.processes, of)
    seeds = range(wanted.first, wanted.first + wanted.seeds)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for done in _run_alone(seeds, wanted) if len(seeds) == 1 else _run_many(seeds, wanted):
            for outcome in done.outcomes:
                _tell(outcome)
                tally.add(outcome)
            tally.cpu_seconds += done.cpu_seconds
    except KeyboardInterrupt:
        print("interrupted: the report is of what was done until now", file=sys.stderr)
        tally.interrupted = True
    report = tally.report(time.monotonic() - began)
    if wanted.table:
        for file in write_report(stamp(report, of)):
            print(f"{file} is written", file=sys.stderr)
    if wanted.digests:
        report["digests"] = tally.digests
    print(json.dumps(report))
    return 1 if report["failures"] or report["interrupted"] else 0


def _wanted(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="how many")
    parser.add_argument("--first", type=int, default=1, help="from which")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="side by side")
    parser.add_argument("--table", action="store_true", help="writes docs/reports/simulation.{json,md}")
    parser.add_argument("--digests", action="store_true", help="tell each seed's course by its digest")
    return parser.parse_args(arguments)


def _run_alone(seeds: Sequence[int], wanted: argparse.Namespace) -> Iterator[Done]:
    """One seed, with everything that its services log, at its virtual times."""
    log_to(sys.stderr)
    yield _run_chunk(seeds, digest=wanted.digests)


def _run_many(seeds: Sequence[int], wanted: argparse.Namespace) -> Iterator[Done]:
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    began = told_at = time.monotonic()
    count = 0
    prepare()
    with multiprocessing.get_context("fork").Pool(
        wanted.processes, initializer=_begin, maxtasksperchild=CHUNKS_OF_A_PROCESS
    ) as pool:
        found = pool.imap_unordered(partial(_run_chunk, digest=wanted.digests), chunks)
        for _ in chunks:
            done = found.next(CHUNK_SECONDS)
            yield done
            count += len(done.outcomes)
            if (now := time.monotonic()) - told_at > PROGRESS_SECONDS:
                told_at = now
                left = (now - began) / count * (len(seeds) - count)
                print(
                    f"{count} of {len(seeds)} seeds, {left / 60:.0f} minutes left",
                    file=sys.stderr,
                    flush=True,
                )


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that reports
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    silence()
    gc.collect()
    gc.freeze()


def _run_chunk(seeds: Sequence[int], *, digest: bool) -> Done:
    began = time.process_time()
    outcomes = [run_seed(seed, digest=digest) for seed in seeds]
    gc.collect()
    return Done(outcomes, time.process_time() - began)


def _tell(outcome: Outcome) -> None:
    if outcome.failures:
        print(f"seed {outcome.seed} failed: make simulate SEEDS=1 FIRST={outcome.seed}", file=sys.stderr)
        for failure in outcome.failures[:TOLD]:
            print(f"  {failure[:1000]}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
