"""Work that is cancelled at a chosen step, and the proof that nothing was left open by it."""

import asyncio
import gc
import itertools
import types
import warnings
from collections.abc import AsyncIterator, Awaitable, Collection, Coroutine, Generator
from contextlib import asynccontextmanager
from typing import Any

SETTLE_SECONDS = 5.0


@types.coroutine
def _counted(work: Awaitable[Any], steps: Collection[int], reached: list[int]) -> Generator[Any, Any, Any]:
    """Cancels its task whenever `work` waits for the n-th time, n in `steps`."""
    inner = work.__await__()
    error: BaseException | None = None
    for wait in itertools.count(1):
        try:
            waited_for = inner.send(None) if error is None else inner.throw(error)
        except StopIteration as end:
            return end.value
        error = None
        if wait in steps:
            reached.append(wait)
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
        try:
            yield waited_for
        except BaseException as thrown:
            error = thrown


async def cancelled_at(work: Coroutine[Any, Any, Any], *steps: int) -> bool:
    """Runs `work` in a task that is cancelled at these of its waits; False when it ended before the first."""
    reached: list[int] = []

    async def run() -> None:
        await _counted(work, steps, reached)

    task = asyncio.create_task(run())
    await asyncio.wait({task})
    assert task.cancelled() == bool(reached), "a cancellation was swallowed"
    return bool(reached)


@asynccontextmanager
async def nothing_left_open() -> AsyncIterator[None]:
    """After the block no connection was forgotten and no task of it runs on."""
    gc.freeze()  # what was there before is not looked through again and again
    before = asyncio.all_tasks()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield
        async with asyncio.timeout(SETTLE_SECONDS):
            while asyncio.all_tasks() - before:  # noqa: ASYNC110 (there is nothing to be told by)
                await asyncio.sleep(0.001)
        gc.collect()
        await asyncio.sleep(0)
        gc.collect()
    gc.unfreeze()
    assert [str(warning.message) for warning in told] == []
