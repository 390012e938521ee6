"""The end of tasks that work for ever."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

AGAIN_SECONDS: Final = 2.0


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
