"""Tasks that work for ever, and their end."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final

import structlog

from shared.runtime.error_location import places

AGAIN_SECONDS: Final = 2.0
AFTER_MISTAKE_SECONDS: Final = 1.0

_log = structlog.get_logger("rahnama")


class Background:
    """What a part does beside its callers, from `start` until `end`. A work that fails is logged, and `runs` is false."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, *works: Coroutine[Any, Any, None]) -> None:
        """Begins with each of these."""
        for work in works:
            task = asyncio.create_task(work)
            task.add_done_callback(_report)
            self._tasks.append(task)

    @property
    def runs(self) -> bool:
        """Whether it was started and nothing of it has ended."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def end(self) -> None:
        """Ends what was started last first. It can be started again."""
        tasks, self._tasks = self._tasks, []
        await end_tasks(tasks[::-1])


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        work = getattr(task.get_coro(), "__qualname__", "")
        _log.error("background_failed", work=work, error=type(error).__name__, where=places(error))


async def repeat(step: Callable[[], Awaitable[None]], event: str) -> None:
    """Runs `step` again and again. An error is logged as `event`, and the next step waits a second."""
    while True:
        try:
            await step()
        except Exception as error:  # a mistake must not end the retries of everything else
            _log.error(event, error=type(error).__name__, where=places(error))
            await asyncio.sleep(AFTER_MISTAKE_SECONDS)


async def end_tasks(tasks: Sequence["asyncio.Task[Any]"]) -> None:
    """Cancels `tasks` in their order, once more every two seconds, until they have ended; their errors are passed over.

    Once is not enough: a transaction that is cancelled rolls back, and where that fails, its error takes the
    cancellation's place. Whoever tries again after errors would then go on for ever.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=AGAIN_SECONDS)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen: nobody else will ask for it
