"""The simulation as a user runs it: many seeds, and one again."""

import json
import os
import subprocess
import sys
from typing import Any

SEEDS = 400
"""A part of what `make simulate` runs; see there for more."""
FIRST_SEEDS = 200
"""Enough for a fault that breaks one of a hundred; they go first, so that it is seen soon."""


def simulate(*arguments: str) -> tuple[int, dict[str, Any], str]:
    """The exit code, the report and what was told on the way."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return done.returncode, report, done.stderr


def test_the_first_seeds_keep_every_invariant() -> None:
    code, report, told = simulate("--seeds", str(FIRST_SEEDS), "--first", "1")
    assert report["failures"] == [], told
    assert (code, report["seeds"]) == (0, FIRST_SEEDS)


def test_some_hundred_more_seeds_keep_every_invariant() -> None:
    more = SEEDS - FIRST_SEEDS
    code, report, told = simulate("--seeds", str(more), "--first", str(1 + FIRST_SEEDS))
    assert report["failures"] == [], told
    assert (code, report["seeds"]) == (0, more)
    never = {kind for kind in KINDS if kind not in report["faults"]}
    assert never == set(), "these faults were never made"


def test_a_seed_takes_the_same_course_alone_and_among_others() -> None:
    _, among, _ = simulate("--seeds", "12", "--first", "5", "--processes", "2", "--digests")
    for seed in ("9", "16"):
        _, alone, _ = simulate("--seeds", "1", "--first", seed, "--digests")
        assert alone["digests"][seed] == among["digests"][seed]


KINDS = (
    "another instance",
    "backends terminated",
    "broker down",
    "database restarted",
    "database restored",
    "group rearranged",
    "process ended politely",
    "process killed",
    "process killed at a step",
    "process stopped for a while",
    "stale records repeated",
    "topic deleted",
    "topic lost its beginning",
    "topic lost its end",
    "topic wiped",
    "broker: late batch late",
    "broker: produce lost after",
    "database: COMMIT lost after",
    "database: COMMIT lost before",
    "database: statement aborted",
)
