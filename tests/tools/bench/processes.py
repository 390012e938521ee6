"""What the parts of a system cost: CPU and memory of each with all its children, as /proc tells it."""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from infra.local.system import System
from tests.tools.bench.pace import PACE

MEGABYTE: Final = 1_000_000
SAMPLE_SECONDS: Final = 2.0
SENDER: Final = "sender"
_BACKEND: Final = re.compile(r"postgres: rahnama_(intake|allocation|audit)")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds so far: by part, of the whole machine (`busy`), and taken by its host (`stolen`); and when."""

    cpu: Mapping[str, float]
    busy: float
    stolen: float
    at: float = field(default_factory=time.monotonic)


def read_usage(system: System) -> Usage:
    """Of every part that runs, of the sender, and of the machine. Postgres is told by whose sessions they are."""
    cpu: dict[str, float] = {}
    for part, process in _processes(system):
        name = part if part != "postgres" else f"postgres, {_whose(process)}"
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            own = times.user + times.system
            ended = (
                times.children_user + times.children_system
            )  # of children that have ended, and been waited for
            cpu[name] = cpu.get(name, 0.0) + own + ended
    times_here = os.times()
    cpu[SENDER] = times_here.user + times_here.system
    machine = psutil.cpu_times()
    busy = machine.user + machine.nice + machine.system + machine.irq + machine.softirq
    return Usage(cpu, busy, machine.steal)


def spent(before: Usage, after: Usage) -> dict[str, float]:
    """CPU seconds of each part in between; of one that was started in between, all of it."""
    return {part: seconds - before.cpu.get(part, 0.0) for part, seconds in after.cpu.items()}


def shares(before: Usage, after: Usage) -> dict[str, float | None]:
    """Of the machine's cores in between, from 0 to 1: `ours`, what `others` used, and what its host took (`stolen`).

    And `slowdown`: how many times more CPU everything took than at the machine's full speed, if it was watched.
    """
    cores = (after.at - before.at) * (os.cpu_count() or 1)
    ours = sum(spent(before, after).values())
    return {
        "ours": round(ours / cores, 3),
        "others": round(max(0.0, after.busy - before.busy - ours) / cores, 3),
        "stolen": round((after.stolen - before.stolen) / cores, 3),
        "slowdown": PACE.slowdown(before.at, after.at),
    }


def resident_mb(system: System) -> dict[str, float]:
    """Megabytes by part now; pages that Postgres' processes share are counted once."""
    found: dict[str, float] = {}
    for part, process in _processes(system):
        with contextlib.suppress(psutil.Error):
            found[part] = found.get(part, 0.0) + _proportional_bytes(process) / MEGABYTE
    return {part: round(size, 1) for part, size in found.items()}


def peak_mb(system: System) -> dict[str, float]:
    """The most that each part of one process has ever had (VmHWM)."""
    found = {}
    for part, process in _processes(system):
        if part != "postgres":
            with contextlib.suppress(OSError, StopIteration):
                lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
                kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
                found[part] = round(kilobytes * 1024 / MEGABYTE, 1)
    return found


class PeakMemory:
    """Watches a system while something runs; `mb` is the most by part. Postgres, with its many processes, is sampled."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._task: asyncio.Task[None] | None = None
        self.mb: dict[str, float] = {}

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._look()
        self.mb |= peak_mb(self._system)

    async def _watch(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(SAMPLE_SECONDS)

    def _look(self) -> None:
        for part, size in resident_mb(self._system).items():
            self.mb[part] = max(size, self.mb.get(part, 0.0))


def _processes(system: System) -> Iterator[tuple[str, psutil.Process]]:
    for name, part in system.parts.items():
        if part.child is not None and part.running:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(part.child.pid)
                yield name, process
                for child in process.children(recursive=True):
                    yield name, child


def _whose(process: psutil.Process) -> str:
    try:
        found = _BACKEND.match(" ".join(process.cmdline()))
    except psutil.Error:
        return "itself"
    return found[1] if found else "itself"


def _proportional_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.AccessDenied, AttributeError):
        memory = process.memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))
