"""Looks at topics beside the consumer group: where partitions begin and end, and single records."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.kafka.clients import KafkaClients, Record

LOOK_SECONDS: Final = 5.0
METADATA_MAX_AGE_MILLISECONDS: Final = 2_000
FETCH_BYTES: Final = 1024
"""Of one partition in one answer; a larger batch comes whole, where nothing of another partition came before it."""


class TopicLook:
    """A consumer without a group, opened at the first look. One look at a time, each at most 5 s.

    Raises `KafkaError` and `TimeoutError`, also for topics that do not exist (yet).
    """

    def __init__(self, kafka: KafkaClients) -> None:
        self._kafka = kafka
        self._consumer: AIOKafkaConsumer | None = None
        self._lock = asyncio.Lock()

    async def ends(self, places: Iterable[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """The first offset and the one after the last, of each place."""
        wanted = list(places)
        async with self._lock, asyncio.timeout(LOOK_SECONDS):
            consumer = await self._open()
            begins = await consumer.beginning_offsets(wanted)
            ends = await consumer.end_offsets(wanted)
        return {place: (begins[place], ends[place]) for place in wanted if place in begins and place in ends}

    async def read(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, Record]:
        """The record at each offset; left out where there is none any more, or none within 5 s."""
        found: dict[TopicPartition, Record] = {}
        if not offsets:
            return found
        async with self._lock:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._read_into(found, offsets)
            except TimeoutError:
                pass  # a record that was deleted meanwhile never comes
        return found

    async def _read_into(
        self, found: dict[TopicPartition, Record], offsets: Mapping[TopicPartition, int]
    ) -> None:
        consumer = await self._open()
        consumer.assign(list(offsets))
        try:
            for place, offset in offsets.items():
                consumer.seek(place, offset)
            missing = set(offsets)
            while missing:
                for place, records in (await consumer.getmany(timeout_ms=500, max_records=500)).items():
                    if place in missing:
                        missing.discard(place)
                        consumer.pause(place)
                        if records[0].offset == offsets[place]:
                            found[place] = records[0]
        finally:
            consumer.assign([])  # nothing is fetched between two looks

    async def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = await self._kafka.consumer(
                auto_offset_reset="earliest",
                metadata_max_age_ms=METADATA_MAX_AGE_MILLISECONDS,
                max_partition_fetch_bytes=FETCH_BYTES,
            )
        return self._consumer

    async def close(self) -> None:
        """Ends the connection; the next look would open it again."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
