"""When a transaction waits a moment for more: where several senders send single events.

A transaction of one event costs nearly what one of sixteen costs. So when somebody comes while others wait or are being
written, the next transactions begin only when their first event has waited for `seconds`, as Postgres itself does it
with `commit_delay` and `commit_siblings`. One sender that sends event after event, each after the last one's answer,
is alone each time and never waits; nor does anybody once `MANY_EVENTS` are together.
"""

import asyncio
import contextlib
from typing import Final

MANY_EVENTS: Final = 16
REMEMBERED_SECONDS: Final = 0.25
"""So long after two were there at once it is believed that there are several."""


class Gathering:
    """Told of all that comes; knows when the next transaction should begin. 0 seconds: always at once."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._several_until = 0.0
        self._enough = asyncio.Event()

    def came(self, waiting_events: int, *, alone: bool) -> float:
        """One more waits, alone or beside others, so that `waiting_events` wait now; the moment, by the loop's clock."""
        now = asyncio.get_running_loop().time()
        if not alone:
            self._several_until = now + REMEMBERED_SECONDS
        if waiting_events >= MANY_EVENTS:
            self._enough.set()
        return now

    async def wait(self, first_at: float, waiting_events: int) -> None:
        """Returns when the transaction should begin whose first event came at `first_at`."""
        now = asyncio.get_running_loop().time()
        left = first_at + self._seconds - now
        if left <= 0 or waiting_events >= MANY_EVENTS or now > self._several_until:
            return
        self._enough.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await self._enough.wait()
