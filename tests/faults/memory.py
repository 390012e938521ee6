"""The memory of a process that is attacked: sampled before, while and after, and held against a bound."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

MIB: Final = 1024 * 1024
SAMPLE_SECONDS: Final = 0.02
HTTP_BOUND_MIB: Final = 30
BOMB_BOUND_MIB: Final = 64


@dataclass
class MemoryUse:
    """Resident memory of one process in one attack, in MiB."""

    process: str
    bound: int
    before: float
    peak: float
    after: float = 0.0

    @property
    def growth(self) -> float:
        """From before the attack to its peak."""
        return self.peak - self.before

    @property
    def is_within(self) -> bool:
        """Whether the growth is within its bound."""
        return self.growth <= self.bound

    def __str__(self) -> str:
        return (
            f"{self.process}: {self.before:.0f} MiB before, {self.peak:.0f} at the peak, {self.after:.0f} after"
            f" (grew by {self.growth:.1f}, at most {self.bound})"
        )

    def line(self) -> dict[str, Any]:
        """For the report."""
        numbers = {name: round(value, 1) for name, value in asdict(self).items() if isinstance(value, float)}
        return {"process": self.process, "bound": self.bound, **numbers}


def resident_mib(pid: int, name: str = "VmRSS") -> float:
    """The memory of a process by that name of the kernel's. Raises `OSError` when there is no such process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.removesuffix("kB")) / 1024
    raise ProcessLookupError(f"process {pid} has ended")


def _reset_peak(pid: int) -> bool:
    """Whether the kernel counts the peak from now on, so that none between two samples is missed (`man 5 proc_pid_clear_refs`)."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return False
    return True


@contextlib.asynccontextmanager
async def watched(process: str, pid: int, bound: int) -> AsyncIterator[MemoryUse]:
    """Samples the process until the block ends; `after` is left to the caller, who knows when the attack is over."""
    counted = _reset_peak(pid)
    now = resident_mib(pid)
    use = MemoryUse(process, bound, before=now, peak=now)

    async def sample() -> None:
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            use.peak = max(use.peak, resident_mib(pid))

    sampling = asyncio.create_task(sample())
    try:
        yield use
    finally:
        sampling.cancel()
        await asyncio.wait({sampling})
    if not sampling.cancelled():
        sampling.result()  # the process died under the attack
    use.peak = max(use.peak, resident_mib(pid, "VmHWM" if counted else "VmRSS"))
