"""The services' Kafka clients over the broker in memory; groups are polled by the services' own `Poller`."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog
from aiokafka import ConsumerRebalanceListener
from aiokafka.errors import ConsumerStoppedError, KafkaError, UnknownTopicOrPartitionError

from shared.kafka.clients import Handle, Reader
from shared.kafka.poller import Poller
from shared.kafka.polling import Polling
from tests.simulation.broker import Broker
from tests.simulation.consumers import REQUEST_SECONDS, Consumer
from tests.simulation.producers import Admin, Producer

_log = structlog.get_logger("rahnama.simulation")

STOP_SECONDS: Final = 8.0
BEATS: Final = 2
"""In one session's time."""
JOIN_AGAIN_SECONDS: Final = 0.1


class Subscription:
    """A group member: it joins, beats, joins again when it is told to, and polls meanwhile."""

    def __init__(
        self,
        broker: Broker,
        group: str,
        topics: Sequence[str],
        polling: Polling,
        *,
        handle: Handle,
        reader: Reader,
        listener: ConsumerRebalanceListener,
    ) -> None:
        self._broker = broker
        self._name = group
        self._group = broker.group(group)
        self._topics = topics
        self._session_seconds = polling.session_timeout_seconds
        self._handle = handle
        self._listener = listener
        self._poller = Poller(
            group, reader, records=polling.batch_records, wait_milliseconds=polling.wait_milliseconds
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._consumer: Consumer | None = None
        self._at_work = asyncio.Lock()
        self._known: dict[str, int] = {}

    @property
    def consumer(self) -> Any:
        """None while there is none."""
        return self._consumer

    async def start(self) -> None:
        """Connects and joins."""
        await self._broker.request("connect", lambda: None)
        await self._wait_for_topics()
        self._consumer = consumer = Consumer(self._broker, reset="earliest", group=self._group)
        joined = asyncio.Event()
        self._tasks = [
            asyncio.create_task(self._belong(consumer, joined)),
            asyncio.create_task(self._poll(consumer)),
        ]
        await joined.wait()

    async def _wait_for_topics(self) -> None:
        """As aiokafka: a member does not join before all of its topics exist, and gives up after a request's time."""
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                while any(topic not in self._broker.topics for topic in self._topics):  # noqa: ASYNC110 (as aiokafka)
                    await asyncio.sleep(JOIN_AGAIN_SECONDS)
        except TimeoutError as error:
            raise UnknownTopicOrPartitionError from error

    async def stop(self) -> None:
        """Lets the batch in hand end, and leaves."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS), self._at_work:
                pass
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
            if (member := consumer.member) is not None:
                with contextlib.suppress(KafkaError):
                    await self._broker.request("leave", lambda: self._group.leave(member))

    async def _belong(self, consumer: Consumer, joined: asyncio.Event) -> None:
        revoked = False
        while True:
            if not revoked:  # once, however often it has to join, and also before the first time
                consumer.begin_reassignment()
                await _told(self._listener.on_partitions_revoked, consumer.assignment())
                revoked = True
            try:
                await self._join(consumer)
                revoked = False
                await _told(self._listener.on_partitions_assigned, consumer.assignment())
                joined.set()
                await self._beat(consumer)
            except KafkaError:
                await asyncio.sleep(JOIN_AGAIN_SECONDS)

    async def _join(self, consumer: Consumer) -> None:
        consumer.member, joining = await self._broker.request(
            "join", lambda: self._group.join(consumer.member, self._topics, self._session_seconds, self._name)
        )
        consumer.generation, places = await joining
        self._known = self._group.arranged
        consumer.assign(places)

    def _partitions(self) -> dict[str, int]:
        return {topic: len(self._broker.topics.get(topic, ())) for topic in self._topics}

    async def _beat(self, consumer: Consumer) -> None:
        member = consumer.member
        while member is not None:
            await asyncio.sleep(self._session_seconds / BEATS)
            if self._partitions() != self._known:
                return  # the metadata is another: the group is arranged anew
            try:
                await self._broker.request(
                    "heartbeat", lambda: self._group.heartbeat(member, consumer.generation)
                )
            except KafkaError as error:
                if not self._group_says(error):
                    continue
                raise

    @staticmethod
    def _group_says(error: KafkaError) -> bool:
        return type(error).__name__ in ("UnknownMemberIdError", "IllegalGenerationError")

    async def _poll(self, consumer: Consumer) -> None:
        while True:
            try:
                records = await self._poller.poll(consumer)  # type: ignore[arg-type]
            except ConsumerStoppedError:
                return
            async with self._at_work:
                try:
                    await self._handle(records)
                except Exception as error:  # as FastStream: logged, and the next batch is fetched
                    _log.warning("handler_failed", error=repr(error))


async def _told(listener: Callable[[Any], Any], places: Any) -> None:
    """As aiokafka: what a listener raises is logged and passed over."""
    try:
        answer = listener(set(places))
        if asyncio.iscoroutine(answer):
            await answer
    except Exception as error:
        _log.warning("listener_failed", error=repr(error))


class Kafka:
    """`KafkaClients` of one process. What it opens fails while the broker is down."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def producer(self, **options: Any) -> Any:
        """A started producer."""
        await self._broker.request("connect", lambda: None)
        return Producer(self._broker)

    async def consumer(self, **options: Any) -> Any:
        """A started consumer without a group."""
        await self._broker.request("connect", lambda: None)
        return Consumer(
            self._broker,
            reset=options.get("auto_offset_reset", "latest"),
            request_seconds=options.get("request_timeout_ms", 40_000) / 1000,
        )

    async def admin(self, **options: Any) -> Any:
        """A started admin client."""
        await self._broker.request("connect", lambda: None)
        return Admin(self._broker)

    def subscription(
        self,
        group: str,
        topics: Sequence[str],
        polling: Polling,
        *,
        handle: Handle,
        reader: Reader,
        listener: ConsumerRebalanceListener,
    ) -> Any:
        """A member of `group`, not yet started."""
        return Subscription(
            self._broker, group, topics, polling, handle=handle, reader=reader, listener=listener
        )
