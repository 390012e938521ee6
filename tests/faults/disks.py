"""A disk that can lose its power: a file system in a file. A copy of the file has what reached the disk, and no page cache."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

DISK_BYTES: Final = 1 << 30
COMMAND_SECONDS: Final = 60
# The kernel's own write-back must not come before the cut: the journal is committed by `fsync` alone.
_OPTIONS: Final = "loop,commit=3600,noatime"


def why_no_disk() -> str | None:
    """The reason why this machine cannot make one."""
    if os.geteuid() != 0:
        return "mounting a file system needs root"
    if not Path("/dev/loop-control").exists():
        return "this machine has no loop devices"
    return None


def make_disk(image: Path) -> None:
    """An empty file system; its file is sparse."""
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image))


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[None]:
    """The disk is in its machine."""
    folder.mkdir()
    _run("mount", "-o", _OPTIONS, str(image), str(folder))
    try:
        yield
    finally:
        _run("umount", str(folder))


def flush(folder: Path) -> None:
    """Everything that was written so far reaches the disk, as after a minute of rest."""
    _run("sync", "-f", str(folder))


def cut_power(image: Path, copy: Path) -> None:
    """What the disk has at this moment. Who writes to it is stopped before."""
    _run("cp", "--sparse=always", str(image), str(copy))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=COMMAND_SECONDS, capture_output=True)
