"""A bound on what a test expects to happen: what does not happen in time is a failed assertion, not an accident."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


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
