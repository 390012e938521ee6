"""The relay: a log to its topic, as it stands in the log, however often Kafka or a leader is lost.

Each instance looks at the topic and opens or closes the log's gate; the leader of a partition also publishes
it and mends the topic. After any error everything that knew Kafka is thrown away and the look begins anew.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

import structlog

from shared.append.log import Appended, Log
from shared.postgres import Pool
from shared.relay.backlog import Backlog
from shared.relay.leadership import QUERIES, Leadership, Standing
from shared.relay.look import Disagreement, Healthy, Incomplete, Verdict, judge, view_log
from shared.relay.metrics import BACKLOG, GATE_OPEN, LEADS, REFILLS, RESTARTS
from shared.relay.partition import BeforePublish, Partition
from shared.relay.producer import BatchProducer
from shared.relay.topic import Extent, Topic

BACKLOG_BYTES: Final = 16 * 1024 * 1024
START_SECONDS: Final = 5.0
STOP_SECONDS: Final = 5.0
SAVE_SECONDS: Final = 0.2
SHORTEST_BACKOFF_SECONDS: Final = 0.1
LONGEST_BACKOFF_SECONDS: Final = 2.0

logger = structlog.get_logger()


class Relay:
    """Publishes `log` to `topic`. `before_publish` is awaited for the events of each batch, maybe repeatedly."""

    def __init__(
        self,
        log: Log,
        pool: Pool,
        dsn: str,
        bootstrap: str,
        topic: str,
        partitions: int,
        before_publish: BeforePublish | None = None,
        *,
        heartbeat_seconds: float = 1.0,
        idle_seconds: float = 5.0,
        look_seconds: float = 5.0,
    ) -> None:
        self._log = log
        self._pool = pool
        self._bootstrap = bootstrap
        self._topic = topic
        self._look_seconds = look_seconds
        self._look_wanted = asyncio.Event()
        self._looked = asyncio.Event()
        self._stored: dict[int, int] = dict.fromkeys(range(partitions), 0)
        self._troubles: dict[int, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._backlog = Backlog(partitions, limit_bytes=BACKLOG_BYTES)
        self._leadership = Leadership(
            dsn,
            source=log.source,
            on_beat=self._hear,
            on_lost=self._lose,
            heartbeat_seconds=heartbeat_seconds,
            idle_seconds=idle_seconds,
        )
        self._partitions = [
            Partition(
                number,
                source=log.source,
                pool=pool,
                backlog=self._backlog,
                leadership=self._leadership,
                before_publish=before_publish,
                ask_for_look=self._look_wanted.set,
            )
            for number in range(partitions)
        ]

    async def start(self) -> None:
        """Begins; returns after the first look, or after 5 s without one (then `ready` says why)."""
        self._tasks = [
            asyncio.create_task(self._leadership.run(), name="relay-leadership"),
            asyncio.create_task(self._publish_for_ever(), name="relay-publish"),
            asyncio.create_task(self._save_for_ever(), name="relay-save"),
        ]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self._looked.wait()

    async def stop(self) -> None:
        """Publishes what was offered, for at most 5 s, keeps how far it came, and lets the partitions go."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                while any(part.position is not None and part.position < part.offered for part in self._led()):
                    await asyncio.sleep(0.01)
        with contextlib.suppress(Exception):  # a lower bound; the next leader's look finds the truth
            await self._save()
        for task in reversed(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    def offer(self, appended: Sequence[Appended]) -> None:
        """Tells of events that were just committed, so that they need not be read again. Never blocks."""
        parts: dict[int, list[Appended]] = {}
        for event in appended:
            events = parts.get(event.partition)
            if events is None:
                parts[event.partition] = [event]
            else:
                events.append(event)
        for number, events in parts.items():
            self._partitions[number].offer(events)

    def published(self) -> dict[int, int]:
        """The last acknowledged sequence of each partition; of other leaders' ones as they last kept it."""
        return self._stored | {
            part.number: part.published for part in self._led() if part.position is not None
        }

    def ready(self) -> str | None:
        """None, or why the log may not grow. Without Kafka an open gate stays open."""
        if any(task.done() for task in self._tasks):
            return "the relay has ended"
        return self._log.gate.reason

    def _led(self) -> list[Partition]:
        held = self._leadership.held
        return [part for part in self._partitions if part.number in held]

    def _hear(self, standings: dict[int, Standing]) -> bool:
        """A heartbeat: where the log stands. Returns whether it told of anything that was not offered here."""
        self._stored = {number: standing.published for number, standing in standings.items()}
        news = [self._partitions[number].stands_at(standing.head) for number, standing in standings.items()]
        known = self.published()
        LEADS.labels(self._log.source).set(len(self._leadership.held))
        BACKLOG.labels(self._log.source).set(
            sum(max(0, standing.head - known[number]) for number, standing in standings.items())
        )
        return any(news)

    def _lose(self) -> None:
        """The database session was lost: the database may be another one when it comes back."""
        self._close_gate("the database connection was lost, and the log not yet compared with its topic")
        for part in self._partitions:
            part.lose()
        self._look_wanted.set()

    def _close_gate(self, reason: str) -> None:
        if self._log.gate.is_open:
            logger.error("relay_gate_closed", source=self._log.source, reason=reason)
        self._log.gate.close(reason)
        GATE_OPEN.labels(self._log.source).set(0)

    def _open_gate(self) -> None:
        if not self._log.gate.is_open:
            logger.info("relay_gate_opened", source=self._log.source)
        self._log.gate.open()
        GATE_OPEN.labels(self._log.source).set(1)

    async def _publish_for_ever(self) -> None:
        backoff = SHORTEST_BACKOFF_SECONDS
        while True:
            self._looked.clear()
            try:
                await self._publish_until_error()
            except (
                Exception
            ) as error:  # whatever a client raises: new clients, another look, go on from there
                causes = error.exceptions if isinstance(error, ExceptionGroup) else [error]
                logger.warning("relay_restarts", source=self._log.source, error=repr(causes[0]))
                if not self._log.gate.is_open and not self._troubles:
                    self._close_gate(f"the log was not compared with its topic yet: {causes[0]!r}")
            RESTARTS.labels(self._log.source).inc()
            backoff = SHORTEST_BACKOFF_SECONDS if self._looked.is_set() else backoff * 2
            await asyncio.sleep(min(backoff, LONGEST_BACKOFF_SECONDS))

    async def _publish_until_error(self) -> None:
        producer = BatchProducer(self._bootstrap, self._topic)
        topic = Topic(self._bootstrap, self._topic, source=self._log.source, partitions=len(self._partitions))
        try:
            await topic.start()
            await producer.start()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._look_for_ever(topic))
                for part in self._partitions:
                    group.create_task(part.run(producer))
        finally:
            for part in self._partitions:
                part.forget()
            await producer.close()
            await topic.close()

    async def _look_for_ever(self, topic: Topic) -> None:
        while True:
            await self._leadership.connected.wait()
            self._look_wanted.clear()
            await self._look(topic)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_seconds):
                    await self._look_wanted.wait()

    async def _look(self, topic: Topic) -> None:
        """Compares the topic with the log, tells the gate, and tells each led partition where to go on."""
        term = self._leadership.term
        asking = [part for part in self._led() if part.asks and part.term == term]
        running = {part.number: (part.position, part.next_offset) for part in self._led()}
        extents = await topic.read()
        async with self._pool.acquire(timeout=10) as connection:
            log = await view_log(connection, extents)
        verdicts = {number: judge(number, extent, log) for number, extent in extents.items()}
        if term != self._leadership.term or not self._leadership.connected.is_set():
            self._look_wanted.set()
            return
        self._tell_gate(verdicts)
        await self._refill(topic, {part.number: verdicts[part.number] for part in asking})
        for part in asking:
            if part.asks and part.term == self._leadership.term:
                self._place(part, verdicts[part.number], extents[part.number])
        for number, (position, next_offset) in running.items():
            if position is not None and _is_doubtful(
                verdicts[number], extents[number], position, next_offset
            ):
                self._partitions[number].doubt()
        self._looked.set()

    def _tell_gate(self, verdicts: dict[int, Verdict]) -> None:
        self._troubles = {
            number: verdict.reason
            for number, verdict in verdicts.items()
            if isinstance(verdict, Disagreement)
        }
        if self._troubles:
            number, reason = next(iter(self._troubles.items()))
            more = f" (and {len(self._troubles) - 1} more partitions)" if len(self._troubles) > 1 else ""
            self._close_gate(f"partition {number} of {self._topic}: {reason}{more}")
        else:
            self._open_gate()

    async def _refill(self, topic: Topic, verdicts: dict[int, Verdict]) -> None:
        incomplete = {n: verdict for n, verdict in verdicts.items() if isinstance(verdict, Incomplete)}
        if not incomplete:
            return
        for number, verdict in incomplete.items():
            logger.warning("relay_refills", topic=self._topic, partition=number, reason=verdict.reason)
            REFILLS.labels(self._log.source).inc()
        await topic.delete({number: verdict.end for number, verdict in incomplete.items()})

    def _place(self, part: Partition, verdict: Verdict, extent: Extent) -> None:
        if isinstance(verdict, Healthy):
            part.begin_at(verdict.sequence, extent.end)
        elif isinstance(verdict, Incomplete):
            part.begin_at(0, extent.end)

    async def _save_for_ever(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            with contextlib.suppress(Exception):  # tried again with the next; the heartbeat reports the loss
                await self._save()

    async def _save(self) -> None:
        """Keeps how far the led partitions were acknowledged, if that has changed."""
        changed = {
            part.number: part.published
            for part in self._led()
            if part.position is not None and part.published != self._stored[part.number]
        }
        if changed:
            await self._leadership.execute(QUERIES["save_published"], list(changed), list(changed.values()))
            self._stored |= changed


def _is_doubtful(verdict: Verdict, extent: Extent, position: int, next_offset: int) -> bool:
    """Whether a partition that is being published, and stood there before the look, lost something."""
    return not isinstance(verdict, Healthy) or verdict.sequence < position or extent.end < next_offset
