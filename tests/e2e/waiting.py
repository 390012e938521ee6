"""Waiting for what will come true, with a bound."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def within(
    seconds: float, attempt: Callable[[], Awaitable[T | None]], what: str, *, pause_seconds: float = 0.05
) -> T:
    """The first result of `attempt` that is true; it is asked again until then, for at most so long."""
    deadline = time.monotonic() + seconds
    while True:
        result = await attempt()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come within {seconds:.0f} s")
        await asyncio.sleep(pause_seconds)
