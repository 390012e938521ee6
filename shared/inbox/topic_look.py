"""Looks at topics beside the consumer group: where partitions begin and end, and single records."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.kafka.clients import KafkaClients, Record

LOOK_SECONDS: Final = 5.0
METADATA_MAX_AGE_MILLISECONDS: Final = 2_000
BACK_OFFSETS: Final = 16
"""So many offsets before a marker are read first."""
FETCH_BYTES: Final = 1024
"""Of one partition in one answer; a larger batch comes whole, where nothing of another partition came before it."""

_log = structlog.get_logger("rahnama.inbox")


class Reading(NamedTuple):
    """`found` has the records; of the places in neither, the offset holds no record. `unread` may hold one."""

    found: Mapping[TopicPartition, Record]
    unread: frozenset[TopicPartition]


class TopicLook:
    """A consumer without a group, opened at the first look. One look at a time, each at most 5 s.

    A look that fails or times out discards the consumer, because aiokafka's fetcher may have died: such a consumer
    answers for ends and never reads again. With `read_committed` a partition ends before the first transaction that
    is open. Raises `KafkaError` and `TimeoutError`, also for topics that do not exist (yet).
    """

    def __init__(self, kafka: KafkaClients, *, read_committed: bool = False) -> None:
        self._kafka = kafka
        self._isolation = "read_committed" if read_committed else "read_uncommitted"
        self._consumer: AIOKafkaConsumer | None = None
        self._lock = asyncio.Lock()

    async def ends(self, places: Iterable[TopicPartition]) -> Mapping[TopicPartition, tuple[int, int]]:
        """The first offset and the one after the last, of each place."""
        wanted = list(places)
        async with self._looking() as consumer:
            begins = await consumer.beginning_offsets(wanted)
            ends = await consumer.end_offsets(wanted)
        return {place: (begins[place], ends[place]) for place in wanted if place in begins and place in ends}

    async def read(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, Record]:
        """The record at each offset; left out where there is none any more, or none within 5 s.

        Where an offset holds no record, but a marker of a transaction, it is the last record before it.
        """
        return (await self.try_read(offsets)).found

    async def try_read(self, offsets: Mapping[TopicPartition, int]) -> Reading:
        """As `read`, for callers to whom a record that is gone is not one that did not come within 5 s."""
        found: dict[TopicPartition, Record] = {}
        back = dict.fromkeys(offsets, 0)
        if offsets:
            try:
                async with self._looking() as consumer:
                    await self._read_into(consumer, found, offsets, back)
            except TimeoutError:
                _log.warning(
                    "records_not_read", places=[f"{place.topic} {place.partition}" for place in sorted(back)]
                )
        return Reading(
            {place: record for place, record in found.items() if place not in back}, frozenset(back)
        )

    async def _read_into(
        self,
        consumer: AIOKafkaConsumer,
        found: dict[TopicPartition, Record],
        offsets: Mapping[TopicPartition, int],
        back: dict[TopicPartition, int],
    ) -> None:
        """Removes each place from `back` once its offset was reached."""
        consumer.assign(list(offsets))
        try:
            for place, offset in offsets.items():
                consumer.seek(place, offset)
            while back:
                polled = await consumer.getmany(timeout_ms=500, max_records=500)
                for place, records in polled.items():
                    wanted = [record for record in records if record.offset <= offsets[place]]
                    if place in back and wanted:
                        found[place] = wanted[-1]
                    if place in back and records[-1].offset >= offsets[place]:
                        back.pop(place)
                        consumer.pause(place)
                if not polled:
                    await self._step_back(consumer, found, offsets, back)
        finally:
            consumer.assign([])  # nothing is fetched between two looks

    @staticmethod
    async def _step_back(
        consumer: AIOKafkaConsumer,
        found: Mapping[TopicPartition, Record],
        offsets: Mapping[TopicPartition, int],
        back: dict[TopicPartition, int],
    ) -> None:
        """Where the consumer has passed an offset without a record, it reads from further before it."""
        passed = [place for place in back if await consumer.position(place) > offsets[place]]
        begins = await consumer.beginning_offsets(passed) if passed else {}
        for place in passed:
            if place in found or offsets[place] - back[place] <= begins[place]:
                back.pop(place)
                consumer.pause(place)
            else:
                back[place] = max(BACK_OFFSETS, 8 * back[place])
                consumer.seek(place, max(begins[place], offsets[place] - back[place]))

    @asynccontextmanager
    async def _looking(self) -> AsyncIterator[AIOKafkaConsumer]:
        async with self._lock:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    yield await self._open()
            except Exception:
                await self.close()
                raise

    async def _open(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            self._consumer = await self._kafka.consumer(
                auto_offset_reset="earliest",
                isolation_level=self._isolation,
                metadata_max_age_ms=METADATA_MAX_AGE_MILLISECONDS,
                max_partition_fetch_bytes=FETCH_BYTES,
            )
        return self._consumer

    async def close(self) -> None:
        """Ends the connection; the next look would open it again."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()
