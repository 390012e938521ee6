"""`make simulate SEEDS=2000 FIRST=1`: runs seeds on every core; a seed that fails is named and replays exactly.

The last line on standard output is one JSON object. Exits with 1 when a seed failed.
"""

import argparse
import gc
import json
import multiprocessing
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from typing import Any, Final

from tests.simulation.narrate import narrate
from tests.simulation.run import run_seed, silence
from tests.simulation.scenario import Outcome

CHUNK: Final = 10
TOLD: Final = 20
PACKAGES: Final = ("aiokafka", "asyncpg", "faststream", "msgspec")
SETS_IN_ORDER: Final = "0"
"""Python's sets of strings are gone through in the order of their hashes, which differ from process to process."""


def main(arguments: Sequence[str]) -> int:
    """Runs what the command line asks for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="how many")
    parser.add_argument("--first", type=int, default=1, help="from which")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="side by side")
    parser.add_argument("--digests", action="store_true", help="tell each seed's course by its digest")
    wanted = parser.parse_args(arguments)
    if os.environ.get("PYTHONHASHSEED") != SETS_IN_ORDER:
        os.environ["PYTHONHASHSEED"] = SETS_IN_ORDER
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *arguments])
    began = time.monotonic()
    outcomes = _run_alone(wanted.first, digest=wanted.digests) if wanted.seeds == 1 else _run_many(wanted)
    report = _report(wanted, outcomes, time.monotonic() - began)
    if wanted.digests:
        report["digests"] = {outcome.seed: outcome.digest for outcome in outcomes}
    print(json.dumps(report))
    return 1 if report["failures"] else 0


def _run_alone(seed: int, *, digest: bool) -> list[Outcome]:
    """One seed, with everything that its services log, at its virtual times."""
    narrate(sys.stderr)
    outcome = run_seed(seed, digest=digest)
    _tell(outcome)
    return [outcome]


def _run_many(wanted: argparse.Namespace) -> list[Outcome]:
    seeds = range(wanted.first, wanted.first + wanted.seeds)
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    outcomes: list[Outcome] = []
    told_at = time.monotonic()
    with multiprocessing.get_context("fork").Pool(wanted.processes, initializer=_prepare) as pool:
        for found in pool.imap_unordered(partial(_run_chunk, digest=wanted.digests), chunks):
            outcomes += found
            for outcome in found:
                if outcome.failures:
                    _tell(outcome)
            if time.monotonic() - told_at > 5:
                told_at = time.monotonic()
                print(f"{len(outcomes)} of {wanted.seeds} seeds", file=sys.stderr, flush=True)
    return sorted(outcomes, key=lambda outcome: outcome.seed)


def _prepare() -> None:
    silence()
    gc.collect()
    gc.freeze()


def _run_chunk(seeds: Sequence[int], *, digest: bool) -> list[Outcome]:
    outcomes = [run_seed(seed, digest=digest) for seed in seeds]
    gc.collect()
    return outcomes


def _tell(outcome: Outcome) -> None:
    if outcome.failures:
        print(f"seed {outcome.seed} failed: make simulate SEEDS=1 FIRST={outcome.seed}", file=sys.stderr)
        for failure in outcome.failures[:TOLD]:
            print(f"  {failure[:1000]}", file=sys.stderr, flush=True)


def _report(wanted: argparse.Namespace, outcomes: Sequence[Outcome], seconds: float) -> dict[str, Any]:
    faults: Counter[str] = Counter()
    for outcome in outcomes:
        faults.update(outcome.faults)
    return {
        "seeds": len(outcomes),
        "first": wanted.first,
        "failures": [outcome.seed for outcome in outcomes if outcome.failures],
        "seconds": round(seconds, 1),
        "seeds_per_second": round(len(outcomes) / max(seconds, 0.001), 1),
        "virtual_seconds": round(sum(outcome.seconds for outcome in outcomes)),
        "steps": sum(outcome.steps for outcome in outcomes),
        "faults": dict(sorted(faults.items())),
        "machine": {
            "system": platform.system(),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "processes": wanted.processes,
        },
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
