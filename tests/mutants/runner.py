"""Runs a mutant's catchers in a copy of the tree, so that the tree itself is never changed."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.local.home import REPOSITORY
from tests.mutants.mutant import Mutant, Trial

TRIAL_SECONDS: Final = 240
GREEN, TESTS_FAILED = 0, 1
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


def copy_tree(target: Path) -> None:
    """Everything that git knows or would add, as it stands in the work tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        source = REPOSITORY / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def run_catchers(tree: Path, catchers: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Pytest in `tree`, up to the first failure. Raises `subprocess.TimeoutExpired` after 240 s."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-rfE", "-p", "no:cacheprovider", *catchers],
        cwd=tree, env=environment, capture_output=True, text=True, check=False, timeout=TRIAL_SECONDS,
    )  # fmt: skip


def require_green(folder: Path, mutants: Sequence[Mutant]) -> None:
    """Raises `RuntimeError` unless every catcher passes on the tree as it is: else its failure shows nothing."""
    tree = folder / "untouched"
    copy_tree(tree)
    for catcher in sorted({catcher for mutant in mutants for catcher in mutant.catchers}):
        run = run_catchers(tree, [catcher])
        if run.returncode != GREEN:
            raise RuntimeError(f"{catcher} fails without any mutant:\n{run.stdout[-3000:]}")


def try_mutant(folder: Path, mutant: Mutant) -> Trial:
    """Plants it in a copy of its own and runs its catchers."""
    tree = folder / mutant.name
    copy_tree(tree)
    mutant.plant(tree)
    began = time.monotonic()
    try:
        run = run_catchers(tree, mutant.catchers)
    except subprocess.TimeoutExpired:
        return Trial(mutant, "broken", f"no end within {TRIAL_SECONDS} s", time.monotonic() - began)
    finally:
        shutil.rmtree(tree, ignore_errors=True)
    seconds = time.monotonic() - began
    if run.returncode == GREEN:
        return Trial(mutant, "survived", "", seconds)
    failed = _FAILED.search(run.stdout)
    if run.returncode != TESTS_FAILED or failed is None:
        return Trial(mutant, "broken", run.stdout[-1500:] + run.stderr[-1500:], seconds)
    return Trial(mutant, "caught", failed[1], seconds)
