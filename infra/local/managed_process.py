"""A part of the system: something that runs as a process of its own, and is watched."""

import signal
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from infra.local.errors import PartFailedError
from infra.local.process import Child

STOP_SECONDS = 20.0


class ManagedProcess(ABC):
    """Postgres, Kafka and the services differ in how they start and in how one asks them to stop."""

    stop_signal = signal.SIGTERM

    def __init__(self, name: str) -> None:
        """`name` is how the user knows it."""
        self.name = name
        self.child: Child | None = None
        self.added_environment: dict[str, str] = {}
        """Variables that a server gets with its next start, besides its own."""

    @abstractmethod
    async def start(self) -> None:
        """Returns when it is ready; raises LocalError otherwise, with nothing left running."""

    async def stop(self) -> None:
        """Ask, then SIGKILL after 20 s; nothing happens if it does not run."""
        if self.child is not None:
            await self.child.stop(self.stop_signal, STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL at once."""
        if self.child is not None:
            self.child.kill()

    @property
    def stage(self) -> str:
        """In which it is once `start` has returned, as the user is told."""
        return "ready"

    @property
    def running(self) -> bool:
        """False before the start and once its process has ended."""
        return self.child is not None and self.child.running

    def failed(self, reason: str) -> PartFailedError:
        """The error to raise about it, with the end of its log."""
        return self.child.failed(reason) if self.child else PartFailedError(self.name, reason)

    async def _adopt(self, child: Child, until_ready: Callable[[Child], Awaitable[None]]) -> None:
        """Keep a fresh process if it gets ready; otherwise, also if we are cancelled, nothing of it is left."""
        self.child = child
        try:
            await until_ready(child)
        except BaseException:
            child.kill()
            raise


async def start_reported(part: ManagedProcess, report: Callable[[str, str], None]) -> None:
    """Starts it; `report` gets its name and each stage."""
    report(part.name, "starting")
    await part.start()
    report(part.name, part.stage)


async def stop_reported(part: ManagedProcess, report: Callable[[str, str], None]) -> None:
    """Stops it if it runs; `report` gets its name and each stage."""
    if part.running:
        report(part.name, "stopping")
        await part.stop()
        report(part.name, "stopped")
