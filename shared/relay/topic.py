"""A topic as it is: where each partition begins and ends, its first and its last record; and mending it."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec
import structlog
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import (
    CorruptRecordException,
    UnsupportedCodecError,
)

from shared.contracts.envelope import decode, event_id, leaf_hash
from shared.kafka.clients import KafkaClients
from shared.kafka.topics import REQUEST_MILLISECONDS, create_topic
from shared.relay.extent import Extent, FetchedRecords, TopicRecord, UnreadableRecord

READ_SECONDS: Final = 10.0
SILENT_MILLISECONDS: Final = 500
FETCH_BYTES: Final = 32 * 1024
"""Of one partition in one answer; a larger batch comes whole, where nothing of another partition came before it."""
BACK_OFFSETS: Final = 64
"""So many offsets before the end are read first where the last one is no event of the log."""
UNREADABLE: Final = (CorruptRecordException, UnsupportedCodecError)
"""Records that no try brings."""
SETTINGS: Final = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "max.message.bytes": str(2 * 1024 * 1024),
}

logger = structlog.get_logger()


class TopicUnfit(Exception):
    """The topic exists, but cannot carry this log."""


class Topic:
    """One topic that carries the log of `source`. Every wait is bounded; any error means: make a new one."""

    def __init__(self, kafka: KafkaClients, name: str, *, source: str, partitions: int) -> None:
        self.name = name
        self._source = source
        self._partitions = partitions
        self._places = {number: TopicPartition(name, number) for number in range(partitions)}
        self._kafka = kafka
        self._opened = contextlib.AsyncExitStack()

    async def start(self) -> None:
        """Connects; what it opened is closed by `close` alone."""
        async with asyncio.timeout(READ_SECONDS):
            self._admin = await self._kafka.admin(request_timeout_ms=REQUEST_MILLISECONDS)
            self._opened.push_async_callback(self._admin.close)
            self._consumer = await self._kafka.consumer(
                auto_offset_reset="none",
                max_partition_fetch_bytes=FETCH_BYTES,
                request_timeout_ms=REQUEST_MILLISECONDS,
                metadata_max_age_ms=2000,
                fetch_max_wait_ms=100,
            )
            self._opened.push_async_callback(self._consumer.stop)

    async def close(self) -> None:
        """Disconnects."""
        await self._opened.aclose()

    async def read(self) -> dict[int, Extent]:
        """Every partition's extent. Creates the topic if it is missing, and only then.

        Raises `TopicUnfit` for another number of partitions, and what aiokafka raises.
        """
        async with asyncio.timeout(READ_SECONDS):
            await self._require()
            places = list(self._places.values())
            begins = await self._consumer.beginning_offsets(places)
            ends = await self._consumer.end_offsets(places)
            held = {place: (begins[place], ends[place]) for place in places if begins[place] < ends[place]}
            if not held:
                return {place.partition: Extent(begins[place], ends[place], None, None) for place in places}
            firsts = await self._read_at({place: begin for place, (begin, _) in held.items()})
            lasts = await self._read_at({place: end - 1 for place, (_, end) in held.items()})
            found = {
                place: Extent(begins[place], ends[place], firsts.get(place), lasts.get(place))
                for place in places
            }
            return {
                place.partition: await self._completed(place.partition, extent)
                for place, extent in found.items()
            }

    async def ends(self, numbers: Iterable[int]) -> dict[int, int]:
        """The offsets at which the next records of these partitions will be: one request."""
        async with asyncio.timeout(READ_SECONDS):
            ends = await self._consumer.end_offsets([self._places[number] for number in numbers])
        return {place.partition: end for place, end in ends.items()}

    async def read_through(self, number: int, offset: int, end: int, *, until: float) -> FetchedRecords:
        """The records of a partition from one that is there on, below `end`, as many as come until then (loop time).

        At least one fetch is made, and waited for. Raises `UnreadableRecord`, and what else aiokafka raises.
        """
        place, loop = self._places[number], asyncio.get_running_loop()
        self._assign()
        self._consumer.seek(place, offset)
        self._consumer.resume(place)
        records: list[TopicRecord] = []
        reached = offset
        try:
            while reached < end and (reached == offset or loop.time() < until):
                found = await self._consumer.getmany(place, timeout_ms=SILENT_MILLISECONDS)
                records += [self._seen(record) for record in found.get(place, ()) if record.offset < end]
                position = await self._consumer.position(place)
                if position <= reached:
                    break
                reached = position
        except UNREADABLE as error:
            raise UnreadableRecord(FetchedRecords(records, reached)) from error
        finally:
            self._consumer.pause(place)
        return FetchedRecords(records, min(reached, end))

    async def delete(self, ends: Mapping[int, int]) -> None:
        """Deletes the records below an end offset, by partition."""
        places = {self._places[number]: RecordsToDelete(before_offset=end) for number, end in ends.items()}
        async with asyncio.timeout(READ_SECONDS):
            await self._admin.delete_records(places)

    async def _read_at(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, TopicRecord]:
        """The first record from an offset of each partition on; none where only markers of transactions follow."""
        self._assign()
        for place, offset in offsets.items():
            self._consumer.seek(place, offset)
            self._consumer.resume(place)
        seen: dict[TopicPartition, TopicRecord] = {}
        waiting = set(offsets)
        try:
            while waiting:
                # Taken as they come: a fetch that lies there unread keeps the client from asking its broker again.
                found = await self._consumer.getmany(timeout_ms=SILENT_MILLISECONDS)
                for place, records in found.items():
                    self._consumer.pause(place)
                    seen[place] = self._seen(records[0])
                    waiting.discard(place)
                if not found:
                    passed = [
                        place for place in waiting if await self._consumer.position(place) > offsets[place]
                    ]
                    self._consumer.pause(*passed)
                    waiting.difference_update(passed)
        finally:
            self._consumer.pause(*offsets)
        return seen

    async def _completed(self, number: int, extent: Extent) -> Extent:
        """With its last record, where markers of transactions follow it, and its events, where foreign records do."""
        if extent.first is None:
            return extent
        if extent.last is None:
            extent = replace(extent, last=await self._last(number, extent, lambda record: True))
        if extent.oldest is not None and extent.newest is not None:
            return extent
        oldest = extent.oldest or await self._first_event(number, extent)
        newest = extent.newest or (
            oldest and await self._last(number, extent, lambda record: record.sequence is not None)
        )
        return replace(extent, inner=(oldest, newest))

    async def _first_event(self, number: int, extent: Extent) -> TopicRecord | None:
        offset = extent.begin
        while offset < extent.end:
            piece = await self.read_through(number, offset, extent.end, until=0.0)
            if event := next((record for record in piece.records if record.sequence is not None), None):
                return event
            offset = piece.next_offset
        return None

    async def _last(
        self, number: int, extent: Extent, wanted: Callable[[TopicRecord], bool]
    ) -> TopicRecord | None:
        """The last record that is wanted, searched for in larger and larger parts before the end."""
        back, until_the_end = BACK_OFFSETS, float("inf")  # the caller's time-out bounds it
        while True:
            offset = max(extent.begin, extent.end - back)
            piece = await self.read_through(number, offset, extent.end, until=until_the_end)
            if record := next(filter(wanted, reversed(piece.records)), None):
                return record
            if offset == extent.begin:
                return None
            back *= 8

    def _assign(self) -> None:
        if not self._consumer.assignment():
            self._consumer.assign(list(self._places.values()))
            for place in self._places.values():  # before the client asks for positions, which nobody keeps
                self._consumer.seek(place, 0)
                self._consumer.pause(place)

    def _seen(self, record: Any) -> TopicRecord:
        value = record.value or b""
        sequence: int | None
        try:
            envelope = decode(value)
            sequence = int(envelope.sequence)
            if envelope.id != event_id(self._source, record.partition, sequence) or sequence >= 10**16:
                sequence = None
        except (msgspec.DecodeError, ValueError, RecursionError):
            sequence = None
        return TopicRecord(record.offset, sequence, leaf_hash(value))

    async def _require(self) -> None:
        """Creates the topic if it is missing and waits until each partition has a leader."""
        while True:
            # All topics are listed, because asking for one by name may create it on some brokers.
            found = [topic for topic in await self._admin.describe_topics() if topic["topic"] == self.name]
            if not found:
                await self._create()
            elif all(partition["leader"] >= 0 for partition in found[0]["partitions"]):
                count = len(found[0]["partitions"])
                if count != self._partitions:
                    raise TopicUnfit(f"topic {self.name} has {count} partitions, not {self._partitions}")
                return
            await asyncio.sleep(0.05)

    async def _create(self) -> None:
        await create_topic(self._admin, self.name, self._partitions, SETTINGS)
