"""What faults do to the machine itself: clocks that jump, and disks that are full; and what they do where they cannot."""

import asyncio
import errno
import importlib.util
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import cast

import pytest

from tests.faults import trial
from tests.faults.fault_context import DidNotHappen, FaultContext
from tests.faults.kinds import clocks, disks
from tests.faults.kinds.clocks import DAY_SECONDS, faked
from tests.faults.trial_environment import TrialEnvironment

TOLERANCE_SECONDS = 3_600
SPARE_BYTES = 4 * disks.MIB


def ahead_seconds(file: Path) -> float:
    """How far the clock of a new process is ahead."""
    command = [sys.executable, "-c", "import time; print(time.time())"]
    shown = subprocess.run(
        command, env={**os.environ, **faked(file)}, capture_output=True, text=True, timeout=60, check=True
    )
    return float(shown.stdout) - time.time()


@pytest.mark.parametrize("days", [1, -1, 0])
def test_the_clock_of_a_process_with_the_library_jumps_by_days(tmp_path: Path, days: int) -> None:
    file = tmp_path / "faketime"
    clocks._set(file, days)
    assert abs(ahead_seconds(file) - days * DAY_SECONDS) < TOLERANCE_SECONDS


def test_without_the_library_no_clock_jumps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(clocks, "DEBIAN", Path("/nowhere/libfaketime.so.1"))
    with pytest.raises(DidNotHappen, match="libfaketime absent"):
        clocks.library()


async def test_a_fault_that_the_machine_cannot_make_did_not_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    context = FaultContext(cast(TrialEnvironment, None), random.Random(1), [])
    await trial._strike(context, "the disk under kafka is full")
    assert "a small file system needs root and mount" in context.not_happened


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it mounts a tmpfs")
async def test_a_small_disk_is_filled_and_what_was_written_on_it_is_kept(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "before").write_bytes(b"before")
    small = await disks._mount_tmpfs(data, SPARE_BYTES)
    await disks._call("cp", "-a", f"{data}/.", f"{small}/")
    data.rename(disks._kept(data))
    data.symlink_to(small)
    try:
        (data / "after").write_bytes(b"after")
        filler = data / "filler"
        await asyncio.to_thread(disks._write_until_full, filler)
        with pytest.raises(OSError, match="No space left") as full:
            (data / "too much").write_bytes(b"x" * disks.MIB)
        assert full.value.errno == errno.ENOSPC
        filler.unlink()
        (data / "too much").unlink()
    finally:
        await disks._move_back(data, small)
    assert sorted(file.name for file in data.iterdir()) == ["after", "before"]
    assert not data.is_symlink()
    assert not small.exists()
