"""The processes of the simulated machine: their callbacks run, wait, or never run again."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tests.simulation.loop import SimulatedLoop

PROCESS: Final[contextvars.ContextVar["Process | None"]] = contextvars.ContextVar("process", default=None)


class Step:
    """A callback that is due, or will be at `when`: asyncio's handle, without what nobody asks of it here."""

    __slots__ = ("arguments", "callback", "cancelled_already", "context", "due")

    def __init__(
        self,
        callback: Callable[..., Any],
        arguments: tuple[Any, ...],
        context: contextvars.Context,
        due: float,
    ) -> None:
        self.callback = callback
        self.arguments = arguments
        self.context = context
        self.due = due
        self.cancelled_already = False

    def cancel(self) -> None:
        """It is passed over when its turn comes."""
        self.cancelled_already = True

    def cancelled(self) -> bool:
        """Whether it is passed over."""
        return self.cancelled_already

    def when(self) -> float:
        """Of a timer."""
        return self.due


class Process:
    """A process of the simulated machine: its callbacks run, wait, or never run again."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.stopped = False
        self.steps = 0
        self.dies_at = 0
        self._stops = 0
        self.on_death: Callable[[], None] = lambda: None
        self.context = contextvars.copy_context()
        self.context.run(PROCESS.set, self)
        self._parked: list[Step] = []

    def kill(self) -> None:
        """As SIGKILL: nothing of it runs any more, no `finally` either."""
        if self.alive:
            self.alive = False
            self._parked.clear()
            self.on_death()

    def stop(self) -> None:
        """As SIGSTOP, perhaps once more."""
        self._stops += 1
        self.stopped = True

    def go_on(self, loop: "SimulatedLoop") -> None:
        """As SIGCONT, when nobody else has stopped it: everything that became due meanwhile is ready at once."""
        self._stops = max(0, self._stops - 1)
        if self._stops:
            return
        self.stopped = False
        loop.ready_again(self._parked)
        self._parked = []

    def park(self, handle: "Step") -> None:
        """Keeps a callback until the process goes on."""
        self._parked.append(handle)


def run_in(
    process: Process, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]
) -> asyncio.Task[Any]:
    """Starts a task that lives and dies with `process`."""
    return loop.create_task(work, context=process.context)
