"""Topics read once, from an offset to the end that they have now, without a group."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.errors import CannotRecover
from shared.kafka.clients import KafkaClients, Records

BATCH_RECORDS: Final = 2000
POLL_MILLISECONDS: Final = 500
FETCH_WAIT_MILLISECONDS: Final = 10
"""How long the broker holds a fetch at a partition's end; the next partition waits for it."""
FETCH_BYTES: Final = 1 << 20
IDLE_SECONDS: Final = 30.0
REQUEST_MILLISECONDS: Final = 20_000


class TopicReader:
    """Reads topic partitions one after the other, a bounded batch at a time."""

    def __init__(self, consumer: AIOKafkaConsumer, batch_records: int) -> None:
        self._consumer = consumer
        self._batch_records = batch_records

    async def partitions(self, topic: str) -> set[int]:
        """The topic's partitions; none when there is no such topic."""
        if topic not in await self._consumer.topics():
            return set()
        return set(self._consumer.partitions_for_topic(topic) or ())

    async def require_partitions(self, topic: str, count: int) -> None:
        """Raises `CannotRecover` unless the topic is there with `count` partitions."""
        found = len(await self.partitions(topic))
        if found != count:
            have = f"{found} partitions, not {count}" if found else "no such topic"
            raise CannotRecover(f"{topic}: {have}; what is missing can only come back from there")

    async def extent(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset, and the one after the last."""
        place = TopicPartition(topic, partition)
        begins = await self._consumer.beginning_offsets([place])
        ends = await self._consumer.end_offsets([place])
        return begins[place], ends[place]

    async def batches(self, topic: str, partition: int, start: int, end: int) -> AsyncGenerator[Records]:
        """The records at offsets `start` <= o < `end` that there are; no batch is empty.

        Raises `TimeoutError` when nothing comes for 30 s.
        """
        if start >= end:
            return
        place = TopicPartition(topic, partition)
        self._consumer.assign([place])
        self._consumer.seek(place, start)
        loop = asyncio.get_running_loop()
        idle_until = loop.time() + IDLE_SECONDS
        # The end is told by the position: the last offsets may hold no record (markers, compaction).
        while await self._consumer.position(place) < end:
            polled = await self._consumer.getmany(
                place, timeout_ms=POLL_MILLISECONDS, max_records=self._batch_records
            )
            records = [record for record in polled.get(place, ()) if record.offset < end]
            if records:
                yield records
                idle_until = loop.time() + IDLE_SECONDS
            elif loop.time() > idle_until:
                raise TimeoutError(f"partition {partition} of {topic} gives no records")


@asynccontextmanager
async def open_reader(
    kafka: KafkaClients, *, batch_records: int = BATCH_RECORDS, read_committed: bool = False
) -> AsyncIterator[TopicReader]:
    """A reader for as long as one command. Raises what aiokafka raises when Kafka cannot be reached."""
    consumer = await kafka.consumer(
        auto_offset_reset="earliest",
        isolation_level="read_committed" if read_committed else "read_uncommitted",
        fetch_max_wait_ms=FETCH_WAIT_MILLISECONDS,
        max_partition_fetch_bytes=FETCH_BYTES,
        request_timeout_ms=REQUEST_MILLISECONDS,
    )
    try:
        yield TopicReader(consumer, batch_records)
    finally:
        await consumer.stop()
