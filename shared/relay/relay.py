"""The relay: a log to its topic, as it stands in the log, however often Kafka or a leader is lost.

Each instance looks at the topic and opens or closes the log's gate; the leader of a partition also publishes
it and mends the topic. After any error everything that knew Kafka is thrown away and the look begins anew.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog

from shared.append.log import Appended, Log
from shared.kafka.clients import KafkaClients
from shared.postgres import Connect, Pool
from shared.relay.backlog import Backlog
from shared.relay.gauges import RelayGauges
from shared.relay.inspection import UNCOMPARED, Inspection
from shared.relay.leadership import QUERIES, Leadership, Standing
from shared.relay.metrics import RESTARTS
from shared.relay.partition_relay import BeforePublish, PartitionRelay
from shared.relay.producer import BatchProducer
from shared.relay.topic import Topic
from shared.runtime.backoff import Backoff
from shared.runtime.tasks import Background
from shared.telemetry import Telemetry

BACKLOG_BYTES: Final = 16 * 1024 * 1024
START_SECONDS: Final = 5.0
STOP_SECONDS: Final = 5.0
SAVE_SECONDS: Final = 0.2
WATCH_SECONDS: Final = 0.3
"""Between two questions for the topic's ends: a foreign record is noticed within a second."""
BACKOFF: Final = Backoff(first=0.1, longest=2.0)

logger = structlog.get_logger()


class Relay:
    """Publishes `log` to its topic, and is the only one that opens and closes the log's gate.

    `before_publish` gets the partition and the events of a batch, and is awaited before it is sent. If it
    fails, it is called again later, perhaps with more events.
    """

    def __init__(
        self,
        log: Log,
        pool: Pool,
        connect: Connect,
        kafka: KafkaClients,
        partitions: int,
        before_publish: BeforePublish | None = None,
        *,
        telemetry: Telemetry | None = None,
        heartbeat_seconds: float = 1.0,
        idle_seconds: float = 5.0,
        look_seconds: float = 5.0,
    ) -> None:
        """`connect` opens the session that holds the locks; it is silent for at most `idle_seconds`."""
        self._source = log.source
        self._gate = log.gate
        self._kafka = kafka
        self._topic = log.topic
        self._look_seconds = look_seconds
        self._look_wanted = asyncio.Event()
        self._looked = asyncio.Event()
        self._acknowledged = asyncio.Event()
        self._stopping = False
        self._stored = dict.fromkeys(range(partitions), 0)
        self._background = Background()
        backlog = Backlog(partitions, limit_bytes=BACKLOG_BYTES)
        self._leadership = Leadership(
            connect, source=log.source, on_beat=self._hear, on_lost=self._lose,
            heartbeat_seconds=heartbeat_seconds, idle_seconds=idle_seconds,
        )  # fmt: skip
        make = partial(
            PartitionRelay,
            source=log.source,
            pool=pool,
            backlog=backlog,
            leadership=self._leadership,
            before_publish=before_publish,
            telemetry=telemetry or Telemetry(),
            ask_for_look=self._look_wanted.set,
            acknowledged=self._acknowledged.set,
        )
        self._partitions = [make(number) for number in range(partitions)]
        self._inspection = Inspection(log, pool, self._leadership, self._partitions)
        self._gauges = RelayGauges(
            log, self._partitions, backlog, self.published,
            lambda: len(self._leadership.held), lambda: self._inspection.foreign.found.partitions,
        )  # fmt: skip

    async def start(self) -> None:
        """Begins; returns after the first look, or after 5 s without one (then `ready` says why)."""
        self._gauges.start()
        self._background.start(self._leadership.run(), self._publish_for_ever(), self._save_for_ever())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self._looked.wait()

    async def stop(self) -> None:
        """Publishes what was offered, for at most 5 s, keeps how far it came, and lets the partitions go."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                while any(part.published < part.offered for part in self._led()):
                    self._acknowledged.clear()
                    await self._acknowledged.wait()
        await self._try_to_save()
        self._stopping = True
        self._gauges.stop()
        await self._background.end()

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
        """None, or why the log may not grow, or why its topic cannot be trusted. Without Kafka an open gate stays open."""
        if not self._background.runs:
            return "the relay does not run"
        return self._gate.reason or self._inspection.foreign.found.reason()

    def _led(self) -> list[PartitionRelay]:
        held = self._leadership.held
        return [part for part in self._partitions if part.number in held]

    def _hear(self, standings: dict[int, Standing]) -> bool:
        """A heartbeat: where the log stands. Returns whether it told of anything that was not offered here."""
        self._stored = {number: standing.published for number, standing in standings.items()}
        news = [self._partitions[number].stands_at(standing.head) for number, standing in standings.items()]
        return any(news)

    def _lose(self) -> None:
        """The session was lost. When the database comes back, it may be another one: a restored backup."""
        if not self._stopping:
            logger.warning("relay_leadership_lost", source=self._source)
            self._inspection.close_gate(f"the database connection was lost, and {UNCOMPARED}")
        for part in self._partitions:
            part.lose()
        self._look_wanted.set()

    async def _publish_for_ever(self) -> None:
        backoff = BACKOFF.failed()
        while True:
            self._looked.clear()
            try:
                await self._publish_until_error()
            except (
                Exception
            ) as error:  # whatever a client raises: new clients, another look, go on from there
                cause = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
                logger.warning("relay_restarts", source=self._source, error=repr(cause))
                self._inspection.fail(repr(cause))
                RESTARTS.add(1, {"source": self._source})
            backoff = (backoff.succeeded() if self._looked.is_set() else backoff).failed()
            await asyncio.sleep(backoff.seconds)

    async def _publish_until_error(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            topic = Topic(self._kafka, self._topic, source=self._source, partitions=len(self._partitions))
            stack.push_async_callback(topic.close)
            producer = BatchProducer(self._kafka, self._topic)
            stack.push_async_callback(producer.close)
            await topic.start()
            await producer.start()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._look_for_ever(topic))
                    for part in self._partitions:
                        group.create_task(part.run(producer))
            finally:
                for part in self._partitions:
                    part.forget()

    async def _look_for_ever(self, topic: Topic) -> None:
        while True:
            await self._leadership.connected.wait()
            self._look_wanted.clear()
            if await self._inspection.look(topic):
                self._looked.set()
            else:
                self._look_wanted.set()
            await self._watch_until_next_look(topic)

    async def _watch_until_next_look(self, topic: Topic) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._look_seconds
        while not self._look_wanted.is_set() and (left := due - loop.time()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(WATCH_SECONDS, left)):
                    await self._look_wanted.wait()
            if left > WATCH_SECONDS and not self._look_wanted.is_set():
                await self._inspection.foreign.check(topic)

    async def _save_for_ever(self) -> None:
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            await self._try_to_save()

    async def _try_to_save(self) -> None:
        """What is kept is a lower bound: the next save, or the next leader's look, makes up for a failed one."""
        try:
            await self._save()
        except Exception as error:
            logger.warning("relay_position_not_saved", source=self._source, error=repr(error))

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
