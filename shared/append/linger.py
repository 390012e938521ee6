"""When a transaction waits a moment for more: where several senders send single events.

A transaction of one event costs nearly what one of sixteen costs. Postgres' own `commit_delay` waits when there are
`commit_siblings`; here it is known who they are. Whoever comes while a transaction is written is not in it, so there are
several senders, and after two such transactions the next ones begin only when their first event has waited for so long.
If nobody came meanwhile, all who send were in it, and nothing more is waited for than that as many come again.
So one sender, each of whose events comes after the last one's answer, never waits for others that are not there.
"""

import asyncio
import contextlib
from typing import Final

MANY_EVENTS: Final = 16
SURE: Final = 2
MOST_SURE: Final = 4


class Linger:
    """Decides when the next transaction begins, by what arrives and what is written. With 0 seconds it begins at once.

    `many` events never wait. Submissions are what one request or one poll brings.
    """

    def __init__(self, seconds: float, many: int = MANY_EVENTS) -> None:
        self._seconds = seconds
        self._many = many
        self._sure = 0
        self._expected: int | None = None
        self._enough = asyncio.Event()

    def came(self, submissions: int, events: int) -> None:
        """So many wait now."""
        if self._are_enough(submissions, events):
            self._enough.set()

    def refused(self) -> None:
        """Somebody found no room: what waits is to be written now."""
        self._enough.set()

    def written(self, submissions: int, others: int) -> None:
        """A transaction of so many submissions has ended; `others` came meanwhile and wait."""
        if others:
            self._sure = min(self._sure + 1, MOST_SURE)
            self._expected = None
        else:
            if submissions == 1:
                self._sure = max(self._sure - 1, 0)
            self._expected = submissions

    async def wait(self, first_at: float, submissions: int, events: int) -> None:
        """Returns when the transaction should begin whose first event came at `first_at`, by the loop's clock."""
        left = first_at + self._seconds - asyncio.get_running_loop().time()
        if left <= 0 or self._sure < SURE or self._are_enough(submissions, events):
            return
        self._enough.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(left):
                await self._enough.wait()

    def _are_enough(self, submissions: int, events: int) -> bool:
        return events >= self._many or (self._expected is not None and submissions >= self._expected)
