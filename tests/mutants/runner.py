"""Runs a mutant's catchers in a copy of the tree, so that the tree itself is never changed."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.local.home import REPOSITORY
from tests.mutants import verdict
from tests.mutants.mutant import Mutant, Trial

TRIAL_SECONDS: Final = 240
CONFIRM_SECONDS: Final = 1800
GREEN: Final = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run of pytest found: tests whose assertion failed, what failed otherwise, tests that passed."""

    code: int
    asserted: Sequence[str]
    others: Sequence[str]
    passed: Sequence[str]


def copy_tree(target: Path) -> None:
    """Everything that git knows or would add, as it is in the work tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        source = REPOSITORY / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def run_catchers(
    tree: Path, catchers: Sequence[str], *, first: str = "", timeout: float = TRIAL_SECONDS
) -> Verdict:
    """Pytest in `tree`, up to the first failed assertion. Raises `subprocess.TimeoutExpired` after `timeout`."""
    file = tree.with_name(f"{tree.name}.json")
    file.unlink(missing_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree),
        "PYTHONDONTWRITEBYTECODE": "1",
        verdict.FILE: str(file),
        verdict.FIRST: first,
    }
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.mutants.verdict", *catchers],
        cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=timeout,
    )  # fmt: skip
    if not file.exists():
        return Verdict(run.returncode, (), (f"{run.stdout[-800:]}{run.stderr[-800:]}",), ())
    return Verdict(run.returncode, **json.loads(file.read_text(encoding="utf-8")))


def try_mutant(folder: Path, mutant: Mutant, caught_before: Mapping[str, str]) -> Trial:
    """Plants it in a copy of its own and runs its catchers, first the test that caught it the last time."""
    tree = folder / mutant.name
    copy_tree(tree)
    mutant.plant(tree)
    began = time.monotonic()
    try:
        found = run_catchers(tree, mutant.catchers, first=caught_before.get(mutant.name, ""))
    except subprocess.TimeoutExpired:
        return Trial(
            mutant, "error", "", time.monotonic() - began, f"no end of the catchers within {TRIAL_SECONDS} s"
        )
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    seconds = time.monotonic() - began
    if found.asserted:
        return Trial(mutant, "caught", found.asserted[0], seconds)
    if found.code == GREEN:
        return Trial(mutant, "survived", "", seconds)
    detail = "; ".join(found.others) or f"pytest ended with {found.code}"
    return Trial(mutant, "error", "", seconds, detail[:1500])


def confirmed(folder: Path, trials: Sequence[Trial]) -> list[Trial]:
    """The trials; one whose catcher does not pass without the mutant is an error, because it shows nothing."""
    tree = folder / "untouched"
    copy_tree(tree)
    waiting = sorted({trial.caught_by for trial in trials if trial.caught_by})
    passed = set[str]()
    while waiting:
        try:
            found = run_catchers(tree, waiting, timeout=CONFIRM_SECONDS)
        except subprocess.TimeoutExpired:
            break  # what has not passed by now is not confirmed
        passed |= set(found.passed)
        if not found.asserted:
            break
        waiting = [test for test in waiting if test not in passed and test not in found.asserted]
    return [
        trial.as_error(f"{trial.caught_by} does not pass without the mutant")
        if trial.caught_by and trial.caught_by not in passed
        else trial
        for trial in trials
    ]
