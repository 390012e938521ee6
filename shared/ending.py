"""Tasks that work for ever, and their end."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final

AGAIN_SECONDS: Final = 2.0


class Background:
    """What a part does beside its callers, from `start` until `end`."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, *works: Coroutine[Any, Any, None]) -> None:
        """Begins with each of these."""
        self._tasks += [asyncio.create_task(work) for work in works]

    @property
    def runs(self) -> bool:
        """Whether it was started and nothing of it has ended."""
        return bool(self._tasks) and not any(task.done() for task in self._tasks)

    async def end(self) -> None:
        """Ends what was started last first. It can be started again."""
        tasks, self._tasks = self._tasks, []
        await end_tasks(tasks[::-1])


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
