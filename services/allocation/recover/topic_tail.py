"""Decisions that the topic tells and the log has lost: what is decided again must be the same, byte for byte."""

from collections import deque
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from shared.append.log import Appended, Draft, Head, Log
from shared.contracts.decisions import ALLOCATION_SOURCE
from shared.errors import Fork
from shared.inbox.positions import Slice
from shared.postgres import Connection
from shared.recover.continuation import Standing


class TopicTail:
    """The continuation of one partition of the log, as its topic has it; nothing when the topic is not ahead."""

    def __init__(self, slices: AsyncGenerator[Slice[Standing]]) -> None:
        self._slices = slices
        self._hashes: deque[tuple[int, bytes]] = deque()
        self.found = 0

    async def continues(self) -> bool:
        """Whether the topic has an event that was not compared yet."""
        while not self._hashes:
            slice_ = await anext(self._slices, None)
            if slice_ is None:
                return False
            self._hashes.extend((record.sequence, record.hash) for record in slice_.records)
            slice_.state.position = slice_.reached
        return True

    async def compare(self, event: Appended) -> None:
        """Raises `Fork` if the topic has another event in its place; an event beyond the topic's end is new."""
        if not await self.continues():
            return
        sequence, digest = self._hashes.popleft()
        if (sequence, digest) != (event.sequence, event.hash):
            raise Fork(
                ALLOCATION_SOURCE,
                event.partition,
                event.sequence,
                f"the topic has the hash {digest.hex()}, but its fact is decided to {event.hash.hex()} here",
            )
        self.found += 1


class ComparedLog(Log):
    """Allocation's log while it is recovered: the gate is open, and `tail` is compared before the commit."""

    def __init__(self) -> None:
        super().__init__(ALLOCATION_SOURCE)
        self.gate.open()
        self.tail: TopicTail | None = None

    async def append(
        self,
        connection: Connection,
        drafts: Sequence[Draft],
        *,
        now: datetime,
        heads: dict[int, Head] | None = None,
        by_subject: bool = False,
    ) -> list[Appended]:
        """Appends, then compares: what `Fork` is raised for is rolled back with its transaction."""
        appended = await super().append(connection, drafts, now=now, heads=heads, by_subject=by_subject)
        if self.tail is not None:
            for event in appended:
                await self.tail.compare(event)
        return appended
