"""Children are bounded, leave nothing behind, and report the end of their log."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from infra.local.errors import PartFailedError
from infra.local.process import inherited_environment, run_to_end, spawn

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


async def until_up(log: Path) -> None:
    async with asyncio.timeout(10):
        while not (log.exists() and "up" in log.read_text()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_process_that_ignores_sigterm_is_killed_when_its_time_is_over(tmp_path: Path) -> None:
    child = spawn("stubborn", STUBBORN, environment=os.environ, log=tmp_path / "log")
    await until_up(tmp_path / "log")
    await child.stop(signal.SIGTERM, 0.2)
    assert child.returncode == -signal.SIGKILL


async def test_a_command_that_fails_shows_the_end_of_its_own_log_and_not_of_earlier_runs(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    log.write_text("an earlier run\n")
    with pytest.raises(PartFailedError) as caught:
        await run_to_end(
            "tool", [sys.executable, "-c", "raise SystemExit('no space')"],
            environment=os.environ, log=log, seconds=10,
        )  # fmt: skip
    assert str(caught.value) == "tool: failed (ended with exit code 1)\nno space"


async def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    with pytest.raises(PartFailedError, match=r"did not end within 0\.1 s"):
        await run_to_end("tool", SLEEPER, environment=os.environ, log=tmp_path / "log", seconds=0.1)


def test_children_die_with_their_parent_even_when_it_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, time; from pathlib import Path; from infra.local.process import spawn\n"
        f"c = spawn('child', {SLEEPER!r}, environment=os.environ, log=Path({str(tmp_path / 'log')!r}))\n"
        "print(c.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 5
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_child_inherits_only_what_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_SOMEBODY", "x")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "y")
    environment = inherited_environment("OTEL_EXPORTER_OTLP_ENDPOINT")
    assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "y"
    assert "SECRET_OF_SOMEBODY" not in environment
