"""Of which commit a report is, and whether that commit is the one that is here. `python -m tests.provenance` checks all.

A report that was made in a work tree with changes is of no commit: nobody can make it again.
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from infra.local.home import REPOSITORY

REPORTS: Final = REPOSITORY / "docs" / "reports"
CHANGED: Final = "+"
"""Behind the commit of a report that was made in a work tree with changes."""
HASH: Final = re.compile(r"[0-9a-f]{7,40}")
"""A commit by itself: a branch, a tag or `HEAD` names another one tomorrow."""
GIT_SECONDS: Final = 60.0
REQUIRED: Final = frozenset(
    f"{name}.json"
    for name in (
        "bench", "bench-later", "bench-tracing", "drills", "faults", "fuzz-events", "mutants", "overload", "simulation", "soak",
    )
)  # fmt: skip
"""Every report that there must be: one that is deleted is no report that passes."""
OLDER: Final[Mapping[str, str]] = {}
"""Reports of earlier code that are to be made again, and why their origin cannot be checked. Each is named by every check,
and one whose origin can be checked may not stay in this list."""


class DirtyTree(Exception):
    """The work tree differs from its commit. Commit or stash the changes, then make the report."""


def commit(repository: Path = REPOSITORY) -> str:
    """The commit that is checked out, with a plus if files differ from it; empty outside a repository.

    Reports do not count: several are made of one commit, one after the other.
    """
    try:
        head = _git(repository, "rev-parse", "--short=12", "HEAD")
        changed = _git(repository, "status", "--porcelain", "--", ".", ":(exclude)docs/reports")
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{head}{CHANGED}" if changed else head


def require_clean(repository: Path = REPOSITORY) -> str:
    """The commit that a report is of. Raises `DirtyTree` if the work tree differs from it or has none."""
    found = commit(repository)
    if not found or found.endswith(CHANGED):
        reason = "the work tree has uncommitted changes" if found else "git names no commit"
        raise DirtyTree(f"No report is written: {reason}. Commit the changes, then make the report again.")
    return found


def stamp(report: dict[str, Any], begun_at: str) -> dict[str, Any]:
    """The report with the commit that was checked out at its beginning. Raises `DirtyTree` if that has changed."""
    if (now := require_clean()) != begun_at:
        raise DirtyTree(
            f"No report is written: it was begun at {begun_at} and ended at {now}. Make it again."
        )
    return {"commit": begun_at, **report, "tree": "clean"}


def faults_of(report: dict[str, Any], repository: Path = REPOSITORY) -> list[str]:
    """What is wrong with the origin of one report."""
    of = report.get("commit")
    if not isinstance(of, str) or not of:
        return ["names no commit"]
    if of.endswith(CHANGED) or report.get("tree", "clean") != "clean":
        return [f"was made in a work tree that differed from {of.rstrip(CHANGED)}"]
    if not HASH.fullmatch(of):
        return [f"names {of!r}, which is no hash of a commit"]
    if not _succeeds(repository, "merge-base", "--is-ancestor", of, "HEAD"):
        return [f"is of {of}, which is not an ancestor of HEAD"]
    return []


def main(folder: Path = REPORTS, repository: Path = REPOSITORY, required: frozenset[str] = REQUIRED) -> int:
    """0 if every report is there, none is unknown, and each is of a commit in the history of this one."""
    reports = sorted(folder.glob("*.json"))
    names = {path.name for path in reports}
    for name in sorted(required - names):
        print(f"{name} is missing. Make it, or restore it.", file=sys.stderr)
    for name in sorted(names - required):
        print(f"{name} is not in REQUIRED of tests/provenance.py. Add it.", file=sys.stderr)
    if names != required:
        return 1
    if not _succeeds(repository, "rev-parse", "HEAD"):
        print("NOT CHECKED: the origin of the reports, because this is not a git repository")
        return 0
    if _git(repository, "rev-parse", "--is-shallow-repository") == "true":
        print("NOT CHECKED: the origin of the reports, because this clone is shallow (git fetch --unshallow)")
        return 0
    return _print_faults(reports, repository)


def _print_faults(reports: Sequence[Path], repository: Path) -> int:
    found = 0
    for path in reports:
        faults = faults_of(json.loads(path.read_text(encoding="utf-8")), repository)
        if faults and path.name in OLDER:
            print(f"NOT CHECKED: the origin of {path.name}: {OLDER[path.name]}; it is to be made again")
            continue
        if path.name in OLDER:
            faults = ["can be checked; remove it from OLDER in tests/provenance.py"]
        for fault in faults:
            print(f"{path.name} {fault}. Make it again in a clean work tree.", file=sys.stderr)
            found += 1
    return 1 if found else 0


def _git(repository: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(repository), *arguments],
        capture_output=True, text=True, timeout=GIT_SECONDS, check=True,
    ).stdout.strip()  # fmt: skip


def _succeeds(repository: Path, *arguments: str) -> bool:
    run = subprocess.run(
        ["git", "-C", str(repository), *arguments],
        capture_output=True, text=True, timeout=GIT_SECONDS, check=False,
    )  # fmt: skip
    return run.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
