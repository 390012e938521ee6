"""Topics read from their beginning, without a group, for verifications."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.errors import Unavailable
from shared.kafka.clients import KafkaClients

POLL_MILLISECONDS: Final = 500
FETCH_WAIT_MILLISECONDS: Final = 10
"""How long the broker holds a fetch at a partition's end; the next partition waits for it."""
FETCH_BYTES: Final = 1 << 20
REQUEST_MILLISECONDS: Final = 20_000

C = TypeVar("C")


class TopicUnreadable(Unavailable):
    """Kafka does not answer, or not with what the topic must still hold."""

    code = "TOPIC_UNREADABLE"
    retry_after_seconds = 10


class TopicReader:
    """Reads topic partitions one after the other, a bounded batch at a time."""

    def __init__(self, consumer: AIOKafkaConsumer, batch_records: int, idle_seconds: float) -> None:
        self._consumer = consumer
        self._batch_records = batch_records
        self._idle_seconds = idle_seconds

    async def ends(self, topic: str, partitions: set[int]) -> dict[int, int]:
        """The offset after the last record of each partition."""
        found = await self._consumer.end_offsets([TopicPartition(topic, number) for number in partitions])
        return {place.partition: end for place, end in found.items()}

    async def batches(self, topic: str, partition: int, end: int) -> AsyncGenerator[list[bytes]]:
        """The values of one partition, from its beginning to offset `end`.

        Ends earlier when the partition does; raises `TopicUnreadable` when nothing comes for too long.
        """
        place = TopicPartition(topic, partition)
        if end == 0:  # nothing was ever written, or there is no such topic
            return
        begin = (await self._consumer.beginning_offsets([place]))[place]
        if begin >= end:
            return
        self._consumer.assign([place])
        self._consumer.seek(place, begin)
        idle_until = asyncio.get_running_loop().time() + self._idle_seconds
        while await self._consumer.position(place) < end:
            polled = await self._consumer.getmany(
                place, timeout_ms=POLL_MILLISECONDS, max_records=self._batch_records
            )
            records = [record for record in polled.get(place, ()) if record.offset < end]
            if records:
                idle_until = asyncio.get_running_loop().time() + self._idle_seconds
                yield [record.value or b"" for record in records]
            else:
                end = min(end, (await self.ends(topic, {partition}))[partition])
                if asyncio.get_running_loop().time() > idle_until:
                    raise TopicUnreadable(f"partition {partition} of {topic} gives no records")


@asynccontextmanager
async def open_topics(
    kafka: KafkaClients, *, batch_records: int, idle_seconds: float
) -> AsyncIterator[TopicReader]:
    """A reader for as long as one verification. Raises `TopicUnreadable` when Kafka cannot be reached."""
    with _kafka_answers():
        opening = kafka.consumer(
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MILLISECONDS,
            max_partition_fetch_bytes=FETCH_BYTES,
            request_timeout_ms=REQUEST_MILLISECONDS,
        )
        consumer = await _within(idle_seconds, opening)
        try:
            yield TopicReader(consumer, batch_records, idle_seconds)
        finally:
            await consumer.stop()


async def partitions_of(
    kafka: KafkaClients, topics: Iterable[str], *, idle_seconds: float
) -> dict[str, set[int]]:
    """The partitions of each topic; none when there is no such topic. Raises `TopicUnreadable`."""
    wanted = list(topics)
    with _kafka_answers():
        admin = await _within(idle_seconds, kafka.admin(request_timeout_ms=REQUEST_MILLISECONDS))
        try:
            there = sorted(set(await admin.list_topics()).intersection(wanted))
            described = await admin.describe_topics(there) if there else []
        finally:
            await admin.close()
    found = {topic["topic"]: {part["partition"] for part in topic["partitions"]} for topic in described}
    return {topic: found.get(topic, set()) for topic in wanted}


async def _within(seconds: float, opening: Awaitable[C]) -> C:
    try:
        async with asyncio.timeout(seconds):
            return await opening
    except TimeoutError:
        raise TopicUnreadable("Kafka does not answer") from None


@contextmanager
def _kafka_answers() -> Iterator[None]:
    """What Kafka's clients raise becomes `TopicUnreadable`."""
    try:
        yield
    except KafkaError as error:
        raise TopicUnreadable(f"Kafka does not answer: {type(error).__name__}") from error
