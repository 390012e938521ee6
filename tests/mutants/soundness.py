"""Whether a mutant is a program with sound types: one that is not would be caught by anything, and shows nothing."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.mutants.mutant import Mutant
from tests.mutants.runner import copy_tree

CHECK_SECONDS: Final = 600
HARMLESS: Final = ("[unreachable]", "[redundant-expr]", "[comparison-overlap]", "[unused-ignore]")
"""What mypy reports of a condition that is always true: that is the fault which was planted, not another one."""


def type_errors(folder: Path, mutants: Sequence[Mutant]) -> dict[str, str]:
    """By name, what mypy reports of each mutant; those without a finding are left out.

    One daemon of mypy checks all of them in one tree, so that only what a mutant changes is analysed again.
    """
    tree = folder / "types"
    copy_tree(tree)
    found = dict[str, str]()
    try:
        if untouched := _check(tree):
            raise RuntimeError(f"mypy reports errors without any mutant: {untouched[:3000]}")
        for mutant in mutants:
            if not mutant.file.endswith(".py"):
                continue
            path = tree / mutant.file
            kept = path.read_text(encoding="utf-8")
            mutant.plant(tree)
            if errors := _check(tree):
                found[mutant.name] = errors[:1500]
            path.write_text(kept, encoding="utf-8")
    finally:
        _dmypy(tree, "kill")
    return found


def _check(tree: Path) -> str:
    run = _dmypy(tree, "run", "--", "shared", "services", "infra")
    if run.returncode == 0:
        return ""
    errors = [line for line in run.stdout.splitlines() if ": error:" in line]
    if not errors:
        return f"mypy ended with {run.returncode}: {run.stdout[-800:]}{run.stderr[-800:]}"
    return "\n".join(line for line in errors if not line.endswith(HARMLESS))


def _dmypy(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mypy.dmypy", *arguments],
        cwd=tree, capture_output=True, text=True, check=False, timeout=CHECK_SECONDS,
    )  # fmt: skip
