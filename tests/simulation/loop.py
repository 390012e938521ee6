"""An event loop without time and without the outside world: the same seed runs the same steps in the same order.

Time stands still while anything can run, and then jumps to the next timer. asyncio promises an order only within one
task; between tasks the seed chooses. Each callback belongs to a process (by its context), and a process can be
killed (its callbacks never run again) or stopped for a while (they wait, as after SIGSTOP).
"""

import asyncio
import contextvars
import heapq
import random
from collections.abc import Callable, Coroutine
from typing import Any, Final

PROCESS: Final[contextvars.ContextVar["Process | None"]] = contextvars.ContextVar("process", default=None)
MOST_STEPS: Final = 400_000
DESTROYED: Final = "Task was destroyed but it is pending!"


class NothingHappens(Exception):
    """Everyone waits for something that can never come."""


class TooLong(Exception):
    """The simulation did not come to an end within its bound of steps."""


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
        self._parked: list[asyncio.Handle] = []

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

    def park(self, handle: asyncio.Handle) -> None:
        """Keeps a callback until the process goes on."""
        self._parked.append(handle)


class SimulatedTask(asyncio.Task[Any]):
    """A task whose place in a set depends on nothing but its number: sets of tasks are gone through in their order."""

    number = 0

    def __hash__(self) -> int:
        return self.number


class SimulatedFuture(asyncio.Future[Any]):
    """The same of a future."""

    number = 0

    def __hash__(self) -> int:
        return self.number


class SimulatedLoop(asyncio.BaseEventLoop):
    """`chance` decides what runs next; with `shuffle` 0 it is asyncio's own order, with 1 any."""

    def __init__(self, chance: random.Random, *, shuffle: float) -> None:
        super().__init__()
        self._chance = chance
        self._shuffle = shuffle
        self._now = 0.0
        self.steps = 0
        self.errors: list[str] = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = 0
        self._tasks: list[tuple[asyncio.Task[Any], Coroutine[Any, Any, Any]]] = []
        self.set_exception_handler(self._note_error)
        self.set_task_factory(self._new_task)  # type: ignore[arg-type]

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self._now

    def ready_again(self, handles: list[asyncio.Handle]) -> None:
        """Callbacks that were kept back may run."""
        self._ready.extend(handles)  # type: ignore[attr-defined]

    def run_in_executor(self, *_: Any) -> Any:  # type: ignore[override]
        """Threads have no place here."""
        raise RuntimeError("a simulation runs no threads")

    def _run_once(self) -> None:
        ready, chance = self._ready, self._chance  # type: ignore[attr-defined]
        while not self._stopping:  # type: ignore[attr-defined]
            if not ready:
                self._jump()
            elif len(ready) > 1 and chance.random() < self._shuffle:
                ready.rotate(-int(chance.random() * len(ready)))
            if not ready:
                continue
            handle = ready.popleft()
            if handle._cancelled:
                continue
            process = handle._context.get(PROCESS)
            if process is not None:
                if not process.alive:
                    continue
                if process.stopped:
                    process.park(handle)
                    continue
                process.steps += 1
                if process.steps == process.dies_at:
                    process.kill()
                    continue
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise TooLong(f"{MOST_STEPS} steps, and still at work at {self._now:.1f} s")
            handle._run()

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., Any],
        *arguments: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """As asyncio's, with a heap whose order needs no Python code."""
        timer = asyncio.TimerHandle(when, callback, arguments, self, context)
        self._numbers += 1
        heapq.heappush(self._timers, (when, self._numbers, timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when its time comes."""

    def _jump(self) -> None:
        """Time passes until the next timer."""
        timers, ready = self._timers, self._ready  # type: ignore[attr-defined]
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not timers:
            raise NothingHappens(f"at {self._now:.3f} s")
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            timer = heapq.heappop(timers)[2]
            if not timer._cancelled:
                ready.append(timer)

    def _new_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], context: Any = None
    ) -> asyncio.Task[Any]:
        task = SimulatedTask(coroutine, loop=loop, context=context)
        self._numbers += 1
        task.number = self._numbers
        self._tasks.append((task, coroutine))
        return task

    def create_future(self) -> asyncio.Future[Any]:
        """A numbered one."""
        future = SimulatedFuture(loop=self)
        self._numbers += 1
        future.number = self._numbers
        return future

    def _note_error(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if context["message"] != DESTROYED:
            self.errors.append(f"{context['message']}: {context.get('exception')!r}")

    def bury(self) -> None:
        """Ends what the dead have left behind, and closes the loop. Whatever their `finally` blocks do is too late."""
        for task, coroutine in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                _close(coroutine)
        self._tasks.clear()
        self._ready.clear()  # type: ignore[attr-defined]
        self._timers.clear()
        self.close()

    def _process_events(self, event_list: Any) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """There is nobody else to be woken."""


def _close(coroutine: Coroutine[Any, Any, Any]) -> None:
    for _ in range(20):
        try:
            coroutine.close()
        except RuntimeError as error:  # it awaits in a `finally`: once more, from there
            if "ignored GeneratorExit" not in str(error):
                return
        except BaseException:
            return
        else:
            return


def run_in(
    process: Process, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any]
) -> asyncio.Task[Any]:
    """Starts a task that lives and dies with `process`."""
    return loop.create_task(work, context=process.context)
