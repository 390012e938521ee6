"""A bound on what a test expects to happen: what does not happen in time is a failed assertion, not an accident."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

ASK_SECONDS: Final = 0.02


@asynccontextmanager
async def expected_within(seconds: float, what: str) -> AsyncIterator[None]:
    """Raises `AssertionError` when the body takes longer. Time-outs inside the body stay what they are."""
    bound = asyncio.timeout(seconds)
    try:
        async with bound:
            yield
    except TimeoutError as error:
        if bound.expired():
            raise AssertionError(f"{what} did not happen within {seconds:g} s") from error
        raise


async def until(holds: Callable[[], object | Awaitable[object]], seconds: float = 15) -> None:
    """Asks until the answer is true. Raises `AssertionError` after `seconds`."""
    async with expected_within(seconds, "what the test waits for"):
        while True:
            answer = holds()
            if isinstance(answer, Awaitable):
                answer = await answer
            if answer:
                return
            await asyncio.sleep(ASK_SECONDS)
