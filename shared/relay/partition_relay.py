"""One partition of the log on its way to the topic: one batch in flight, each begun where the last one ended."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog

from shared.append.log import Appended
from shared.postgres import Pool
from shared.relay.backlog import Backlog, read_unsent
from shared.relay.leadership import Leadership
from shared.relay.metrics import DURATION, SENT
from shared.relay.producer import MAX_BATCH_BYTES, Account, BatchProducer
from shared.runtime.backoff import Backoff
from shared.telemetry import Telemetry, attributes_of, begin_send

BEFORE_SECONDS: Final = 10.0
BACKOFF: Final = Backoff(first=0.1, longest=2.0)
READ_AGAIN_SECONDS: Final = 0.1

BeforePublish = Callable[[int, Sequence[Appended]], Awaitable[None]]

logger = structlog.get_logger()


class PartitionRelay:
    """What this instance knows of one partition, and the loop that publishes it while it leads.

    `position` is the last sequence that the topic is known to hold, or None: then a look must find it.
    """

    def __init__(
        self,
        number: int,
        *,
        source: str,
        pool: Pool,
        backlog: Backlog,
        leadership: Leadership,
        before_publish: BeforePublish | None,
        telemetry: Telemetry,
        ask_for_look: Callable[[], None],
        acknowledged: Callable[[], None],
    ) -> None:
        self.number = number
        self.head = 0
        self.offered = 0
        self.published = 0
        self.position: int | None = None
        self.next_offset = 0
        self.account = Account()
        self._term = 0
        self._asks = False
        self._wake = asyncio.Event()
        self._doubted = False
        self._backoff = BACKOFF
        self._source = source
        self._pool = pool
        self._backlog = backlog
        self._leadership = leadership
        self._before_publish = before_publish
        self._telemetry = telemetry
        self._ask_for_look = ask_for_look
        self._acknowledged = acknowledged

    def offer(self, events: Sequence[Appended]) -> None:
        """Tells of events that were just committed here."""
        self.offered = self.head = max(self.head, events[-1].sequence)
        if self._leadership.leads(self.number):
            self._backlog.offer(self.number, events)
        self._wake.set()

    def stands_at(self, head: int) -> bool:
        """Tells where the log ends; returns whether that was news."""
        if self.position is None or head > self.head:
            news = head > self.head
            self.head = max(self.head, head)
            self._wake.set()
            return news
        return False

    def asks_in(self, term: int) -> bool:
        """Whether it waits for a look in this term of leadership, with nothing in flight."""
        return self._asks and self._term == term

    def begin_at(self, position: int, offset: int) -> None:
        """A look has found what the topic holds: go on from there."""
        self.position = self.published = position
        self.next_offset = offset
        self._asks = False
        self._wake.set()

    def doubt(self) -> None:
        """What the topic holds is not what was thought: stop after the batch in flight, and look."""
        self._doubted = True
        self._wake.set()

    def forget(self) -> None:
        """Whatever was known of the topic is not known any more."""
        self.position = None
        self._asks = False
        self._doubted = False

    def lose(self) -> None:
        """The database session is gone: not even where the log ends is known."""
        self.forget()
        self.account.forget()
        self.head = self.offered = 0
        self._backlog.clear(self.number)
        self._wake.set()

    async def run(self, producer: BatchProducer) -> None:
        """Publishes until an error of the producer or the database, which is raised."""
        while True:
            self._wake.clear()
            if self._may_publish() and self.position is not None and self.position < self.head:
                await self._publish_next(producer, self.position)
            else:
                await self._wake.wait()

    def _may_publish(self) -> bool:
        if self._doubted or self._term != self._leadership.term:
            self.forget()
        if not self._leadership.leads(self.number):
            self.forget()
            return False
        if self.position is None and not self._asks:
            self._term = self._leadership.term
            self._asks = True
            self._ask_for_look()
        return self.position is not None

    async def _publish_next(self, producer: BatchProducer, position: int) -> None:
        events = self._backlog.next(self.number, position, MAX_BATCH_BYTES)
        if not events:
            await self._read_on(position)
            return
        batch, count = producer.fill(self.number, events)
        del events[count:]
        if not await self._prepare(events):
            return
        if not self._may_publish():
            return
        offset = await self._send(producer, batch, events)
        if offset < self.next_offset:
            # It was deleted and created again, or the broker did not say: only a look can tell.
            logger.warning("relay_offset_went_back", source=self._source, partition=self.number)
            self.doubt()
            return
        self.account.acknowledged(offset, count)
        self.next_offset = offset + count
        if self.position == position:
            self.position = self.published = events[-1].sequence
        self._acknowledged()

    async def _send(self, producer: BatchProducer, batch: Any, events: Sequence[Appended]) -> int:
        """The offset of the first of `events`, once the topic has them all."""
        span = begin_send(
            self._telemetry,
            producer.topic,
            self.number,
            (event.traceparent for event in events),
            len(events),
        )
        began = time.perf_counter()
        labels = attributes_of("send", "send", producer.topic)
        error: BaseException | None = None
        self.account.sending = True
        try:
            return await producer.send(self.number, batch)
        except BaseException as raised:
            error = raised
            labels["error.type"] = type(raised).__name__
            raise
        finally:
            self.account.sending = False
            DURATION.record(time.perf_counter() - began, labels)
            SENT.add(len(events), labels)
            if span is not None:
                span.end(error)

    async def _read_on(self, position: int) -> None:
        events = await read_unsent(self._pool, self.number, position)
        if events and events[0].sequence == position + 1:
            self._backlog.load(self.number, events)
        else:
            # The log ends before what was announced; the next beat tells where.
            self.head = position
            await asyncio.sleep(READ_AGAIN_SECONDS)

    async def _prepare(self, events: Sequence[Appended]) -> bool:
        """What must be done before these events may be seen; False if it failed and is to be tried again."""
        if self._before_publish is None:
            return True
        try:
            async with asyncio.timeout(BEFORE_SECONDS):
                await self._before_publish(self.number, events)
        except Exception as error:  # whatever it was: the events stay here, and it is tried again
            logger.warning(
                "relay_not_prepared", source=self._source, partition=self.number, error=repr(error)
            )
            self._backoff = self._backoff.failed()
            await asyncio.sleep(self._backoff.seconds)
            return False
        self._backoff = BACKOFF
        return True
