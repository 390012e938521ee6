"""Answers that leave at the end of a slot: what differs between them hides there."""

import asyncio
import math
import random
import time
from collections.abc import Callable
from typing import Final

SLOT_SECONDS: Final = 0.02
"""A look-up's work takes 3 ms on an idle machine."""
JITTER_SECONDS: Final = 0.002
"""At most so much later, by chance, a slot ends: answers of another length take some 20 µs longer to send."""
TIMER_SECONDS: Final = 0.002
"""The loop's timers are whole milliseconds after now: they would keep what the slot hides, so its end is polled for."""
CHANCE: Final = random.SystemRandom().random


class SlotEnds:
    """The ends of slots that are the same for all who wait: one task polls for them, and only while somebody waits."""

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        chance: Callable[[], float] = CHANCE,
    ) -> None:
        """`chance` gives numbers from 0 to 1."""
        self._clock = clock
        self._chance = chance
        self._ends: dict[int, asyncio.Event] = {}
        self._poller: asyncio.Task[None] | None = None

    async def after(self, begun: float) -> None:
        """Returns at the end of the slot in which a whole number of slots has passed since `begun`, at least one.

        The end depends on `begun` alone unless the work took longer than a slot.
        """
        passed = max(1, math.ceil((self._clock() - begun) / SLOT_SECONDS))
        number = math.ceil(begun / SLOT_SECONDS + passed)
        end = self._ends.setdefault(number, asyncio.Event())
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll(), name="slot-ends")
        await end.wait()

    async def _poll(self) -> None:
        while self._ends:
            number = math.floor(self._clock() / SLOT_SECONDS) + 1
            if number - 1 >= min(self._ends):  # it came after this one was awaited
                number -= 1
            end = number * SLOT_SECONDS + self._chance() * JITTER_SECONDS
            await asyncio.sleep(max(0.0, end - self._clock() - TIMER_SECONDS))
            while self._clock() < end:  # noqa: ASYNC110 - a clock has no event
                await asyncio.sleep(0)
            for due in [one for one in self._ends if one <= number]:
                self._ends.pop(due).set()
