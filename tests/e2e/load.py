"""A cohort on its way, and something that happens to the system in the middle of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from infra.demo.cohort import Event
from tests.e2e.upstream import Result, Upstream

Strike = Callable[[], Awaitable[None]]


class Load:
    """A cohort on its way through both doors at once, in small pieces; something happens in the middle of it."""

    PIECE_EVENTS: Final = 25
    HTTP_SENDERS: Final = 2

    def __init__(self, upstream: Upstream, events: Sequence[Event]) -> None:
        self._upstream = upstream
        pieces = [events[at : at + self.PIECE_EVENTS] for at in range(0, len(events), self.PIECE_EVENTS)]
        self._http = iter(pieces[::2])
        self._kafka = iter(pieces[1::2])
        self._strike_after = len(pieces) // 3
        self._underway = asyncio.Event()
        self.pieces = len(pieces)
        self.done = 0
        self.done_at_strike = 0
        self.results: list[Result] = []

    async def run(self, strike: Strike) -> None:
        """Sends all of it; awaits `strike` when a third of the pieces was answered, and goes on meanwhile."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.HTTP_SENDERS):
                group.create_task(self._post_all())
            group.create_task(self._produce_all())
            await self._underway.wait()
            self.done_at_strike = self.done
            await strike()

    async def _post_all(self) -> None:
        for piece in self._http:
            self.results += await self._upstream.post(piece)
            self._count()

    async def _produce_all(self) -> None:
        for piece in self._kafka:
            await self._upstream.produce_events(piece)
            self._count()

    def _count(self) -> None:
        self.done += 1
        if self.done == self._strike_after:
            self._underway.set()


class Populated:
    """A system to which students are sent in portions, one by each test."""

    PORTION_EVENTS: Final = 500

    def __init__(self, upstream: Upstream, unsent: Iterator[Event]) -> None:
        self.upstream = upstream
        self.sent: list[Event] = []
        self._unsent = unsent

    async def send_more(self, strike: Strike) -> None:
        """The next portion, with `strike` in the middle of it; returns when all of it is in the ledger."""
        portion = list(islice(self._unsent, self.PORTION_EVENTS))
        assert len(portion) == self.PORTION_EVENTS, "the cohort is too small for so many tests"
        await Load(self.upstream, portion).run(strike)
        self.sent += portion
        await self.upstream.settle()
