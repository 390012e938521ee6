"""A bound on what a test expects to happen: what does not happen in time is a failed assertion, not an accident."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, overload

T = TypeVar("T")
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


@overload
async def until(
    holds: Callable[[], Awaitable[T | None]],
    seconds: float = ...,
    what: str = ...,
    *,
    pause_seconds: float = ...,
) -> T: ...
@overload
async def until(
    holds: Callable[[], T | None], seconds: float = ..., what: str = ..., *, pause_seconds: float = ...
) -> T: ...
async def until(
    holds: Callable[[], Any],
    seconds: float = 15,
    what: str = "what the test waits for",
    *,
    pause_seconds: float = ASK_SECONDS,
) -> Any:
    """Asks until the answer is true, and returns it. Raises `AssertionError` after `seconds`."""
    async with expected_within(seconds, what):
        while True:
            answer = holds()
            if isinstance(answer, Awaitable):
                answer = await answer
            if answer:
                return answer
            await asyncio.sleep(pause_seconds)
