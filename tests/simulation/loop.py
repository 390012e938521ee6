"""An event loop without time and without the outside installation: the same seed runs the same steps in the same order.

Time stands still while anything can run, and then jumps to the next timer. asyncio promises an order only within one
task; between tasks the seed chooses. Each callback belongs to a process (by its context), and a process can be
killed (its callbacks never run again) or stopped for a while (they wait, as after SIGSTOP).
"""

import asyncio
import contextlib
import contextvars
import heapq
import random
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final

import structlog

from tests.simulation.processes import PROCESS, Step

_log = structlog.get_logger("rahnama.simulation")

MOST_STEPS: Final = 100_000
DESTROYED: Final = "Task was destroyed but it is pending!"


class NothingHappens(Exception):
    """Everyone waits for something that can never come."""


class TooLong(Exception):
    """The simulation did not come to an end within its bound of steps."""


class SimulatedTask(asyncio.Task[Any]):
    """A task whose place in a set depends on nothing but its number: sets of tasks are gone through in their order."""

    __slots__ = ("number",)
    number: int

    def __hash__(self) -> int:
        return self.number


class SimulatedFuture(asyncio.Future[Any]):
    """The same of a future."""

    __slots__ = ("number",)
    number: int

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
        self._timers: list[tuple[float, int, Step]] = []
        self._due: deque[Step] = deque()
        self._numbers = 0
        self._tasks: list[tuple[asyncio.Task[Any], Coroutine[Any, Any, Any]]] = []
        self.set_exception_handler(self._note_error)

    def time(self) -> float:
        """Virtual seconds since the beginning."""
        return self._now

    def run_until_complete(self, future: Any) -> Any:
        """As asyncio's."""
        with _unregistered():
            return super().run_until_complete(future)

    def ready_again(self, steps: list[Step]) -> None:
        """Callbacks that were kept back may run."""
        self._due.extend(steps)

    def run_in_executor(self, *_: Any) -> Any:  # type: ignore[override]
        """Threads have no place here."""
        raise RuntimeError("a simulation runs no threads")

    def _run_once(self) -> None:
        due, take, random_, shuffle = self._due, self._due.popleft, self._chance.random, self._shuffle
        while not self._stopping:  # type: ignore[attr-defined]
            if not due:
                self._jump()
            elif len(due) > 1 and random_() < shuffle:
                due.rotate(-int(random_() * len(due)))
            step = take()
            if step.cancelled_already:
                continue
            context = step.context
            process = context.get(PROCESS)
            if process is not None:
                if not process.alive:
                    continue
                if process.stopped:
                    process.park(step)
                    continue
                process.steps += 1
                if process.steps == process.dies_at:
                    process.kill()
                    continue
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise TooLong(f"{MOST_STEPS} steps, and still at work at {self._now:.1f} s")
            try:
                context.run(step.callback, *step.arguments)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:  # as asyncio: told, and passed over
                self.errors.append(f"exception in {step.callback!r}: {error!r}")

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *arguments: Any, context: contextvars.Context | None = None
    ) -> Step:
        """As asyncio's."""
        step = Step(
            callback, arguments, contextvars.copy_context() if context is None else context, self._now
        )
        self._due.append(step)
        return step

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., Any],
        *arguments: Any,
        context: contextvars.Context | None = None,
    ) -> Step:
        """As asyncio's."""
        when = self._now + delay
        step = Step(callback, arguments, contextvars.copy_context() if context is None else context, when)
        self._numbers += 1
        heapq.heappush(self._timers, (when, self._numbers, step))
        return step

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., Any],
        *arguments: Any,
        context: contextvars.Context | None = None,
    ) -> Step:
        """As asyncio's, with a heap whose order needs no Python code."""
        step = Step(callback, arguments, contextvars.copy_context() if context is None else context, when)
        self._numbers += 1
        heapq.heappush(self._timers, (when, self._numbers, step))
        return step

    def _jump(self) -> None:
        """Time passes until the next timer."""
        timers, due, pop = self._timers, self._due, heapq.heappop
        while timers:
            when, _, step = pop(timers)
            if not step.cancelled_already:
                break
        else:
            raise NothingHappens(f"at {self._now:.3f} s")
        self._now = now = max(self._now, when)
        due.append(step)
        while timers and timers[0][0] <= now:
            step = pop(timers)[2]
            if not step.cancelled_already:
                due.append(step)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Any = None
    ) -> asyncio.Task[Any]:
        """A numbered one."""
        task = SimulatedTask(coro, loop=self, name=name, context=context)
        self._numbers += 1
        task.number = self._numbers
        self._tasks.append((task, coro))
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
        self._due.clear()
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
        except BaseException as error:  # what a task that is thrown away raises concerns nobody
            _log.debug("coroutine_closed", error=repr(error))
            return
        else:
            return


@contextlib.contextmanager
def _unregistered() -> Iterator[None]:
    """asyncio's list of all tasks hashes and clears thousands of a seed's, which nobody asks for."""
    registry: Any = asyncio.tasks._all_tasks  # type: ignore[attr-defined]
    register = registry.add
    registry.add = lambda task: None if isinstance(task, SimulatedTask) else register(task)
    try:
        yield
    finally:
        del registry.add
