"""Child processes that cannot outlive us: own session, output to a file, killed by the kernel when we die.

Linux clears nothing up when a supervisor is killed with SIGKILL, so each child asks for a signal at the death of its
parent (prctl PR_SET_PDEATHSIG). The kernel means the *thread* that forked; hence children are only started from a
thread that lives as long as they should, the main one, and never from an executor.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from infra.local.errors import PartFailedError

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_POLL_SECONDS = 0.03


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()

    def in_child() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != parent:  # it died before we could ask
                os._exit(1)

    return in_child


class Child:
    """One running process with its log."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path, log_start: int) -> None:
        """Use `spawn`; this only keeps what it made. Bytes of the log before `log_start` are of earlier runs."""
        self.name = name
        self.log = log
        self._log_start = log_start
        self._process = process
        self.pid = process.pid
        self.started_at = start_time(process.pid)

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative is the signal that ended it."""
        return self._process.poll()

    @property
    def running(self) -> bool:
        """True until it has ended; also reaps it."""
        return self.returncode is None

    def send(self, number: signal.Signals) -> None:
        """Signal this process only; nothing happens when it has ended."""
        if self.running:
            self._process.send_signal(number)

    async def wait(self, seconds: float) -> bool:
        """True if it ended in time."""
        deadline = time.monotonic() + seconds
        while self.running:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    async def stop(self, first: signal.Signals = signal.SIGTERM, seconds: float = 10.0) -> None:
        """Ask, wait, then kill the whole group. Returns when the process is gone, also if we are cancelled."""
        self.send(first)
        try:
            await self.wait(seconds)
        finally:
            self.kill()

    def kill(self) -> None:
        """SIGKILL the group; waits for the process itself, which cannot refuse."""
        if self.running:  # once it was reaped, its number may be somebody else's
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.kill()
            self._process.wait(timeout=10)

    def failed(self, reason: str) -> PartFailedError:
        """The error to raise about this process, with the end of its log."""
        code = self.returncode
        ended = "" if code is None else f" (ended with {describe_exit(code)})"
        return PartFailedError(self.name, reason + ended, tail(self.log, start=self._log_start))


def spawn(
    name: str,
    arguments: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    log: Path,
    user: str | None = None,
    folder: Path | None = None,
    death_signal: signal.Signals = signal.SIGKILL,
) -> Child:
    """Start a child with nothing of our standard streams. `user` is a system account, for when we are root."""
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            "children are started from the main thread: they die with the thread that started them"
        )
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        log_start = output.tell()
        process = subprocess.Popen(
            [os.fspath(a) for a in arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            start_new_session=True,
            preexec_fn=_die_with_parent(death_signal),
        )
    return Child(name, process, log, log_start)


async def run_to_end(
    name: str,
    arguments: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    log: Path,
    seconds: float,
    user: str | None = None,
    folder: Path | None = None,
) -> None:
    """Run a short command; raises PartFailedError unless it ends with 0 in time. Nothing is left if we are cancelled."""
    child = spawn(name, arguments, environment=environment, log=log, user=user, folder=folder)
    try:
        if not await child.wait(seconds):
            raise child.failed(f"did not end within {seconds:g} s")
        if child.returncode != 0:
            raise child.failed("failed")
    finally:
        child.kill()


def start_time(pid: int) -> float | None:
    """When the process began, in epoch seconds; with it a reused pid is told from the one that was meant."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def is_same_process(pid: int, started_at: float | None) -> bool:
    """True if `pid` still is the process that was started then."""
    now = start_time(pid)
    if now is None or started_at is None or abs(now - started_at) > 1.0:
        return False
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def describe_exit(code: int) -> str:
    """`exit code 3`, or the name of the signal."""
    if code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name


def tail(log: Path, lines: int = 15, start: int = 0) -> str:
    """The last lines of a log, bounded in bytes too; none from before byte `start`."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(start, file.tell() - 8192))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def inherited_environment(*names: str) -> dict[str, str]:
    """Of our environment only what any program needs, and what is named."""
    wanted = ("PATH", "HOME", "LANG", "TMPDIR", *names)
    return {name: os.environ[name] for name in wanted if name in os.environ}
