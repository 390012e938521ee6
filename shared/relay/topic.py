"""A topic as it is: where each partition begins and ends, its first and its last record; and mending it."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import structlog
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete
from aiokafka.errors import TopicAlreadyExistsError, for_code

from shared.contracts.envelope import decode, event_id, leaf_hash
from shared.kafka.clients import KafkaClients
from shared.kafka.durability import REPLICAS

REQUEST_MILLISECONDS: Final = 5_000
READ_SECONDS: Final = 10.0
SILENT_MILLISECONDS: Final = 500
FETCH_BYTES: Final = 32 * 1024
"""Of one partition in one answer; a larger batch comes whole, where nothing of another partition came before it."""
SETTINGS: Final = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "max.message.bytes": str(2 * 1024 * 1024),
}

logger = structlog.get_logger()


class TopicUnfit(Exception):
    """The topic exists, but cannot carry this log."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A record on the topic. `sequence` is None if it is no event of the log that belongs here."""

    offset: int
    sequence: int | None
    hash: bytes


@dataclass(frozen=True, slots=True)
class Extent:
    """A partition of the topic: offsets `begin` <= o < `end`; `first` and `last` are None if it is empty.

    `highest` is the record with the highest sequence, where it was read and may be another one than `last`.
    """

    begin: int
    end: int
    first: Seen | None
    last: Seen | None
    highest: Seen | None = None


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
        return {
            place.partition: Extent(begins[place], ends[place], firsts.get(place), lasts.get(place))
            for place in places
        }

    async def ends(self, numbers: Iterable[int]) -> dict[int, int]:
        """The offsets at which the next records of these partitions will be: one request."""
        async with asyncio.timeout(READ_SECONDS):
            ends = await self._consumer.end_offsets([self._places[number] for number in numbers])
        return {place.partition: end for place, end in ends.items()}

    async def read_through(self, number: int, offset: int, end: int, *, until: float) -> list[Seen]:
        """The records of a partition from one that is there on, below `end`, as many as come until then (loop time).

        At least one fetch is made, and waited for. Raises what aiokafka raises, also where it cannot read a record.
        """
        place, loop = self._places[number], asyncio.get_running_loop()
        self._assign()
        self._consumer.seek(place, offset)
        self._consumer.resume(place)
        records: list[Seen] = []
        try:
            while not records or (records[-1].offset + 1 < end and loop.time() < until):
                found = await self._consumer.getmany(place, timeout_ms=SILENT_MILLISECONDS)
                piece = [self._seen(record) for record in found.get(place, ()) if record.offset < end]
                if not piece:
                    break
                records += piece
        finally:
            self._consumer.pause(place)
        return records

    async def delete(self, ends: Mapping[int, int]) -> None:
        """Deletes the records below an end offset, by partition."""
        places = {self._places[number]: RecordsToDelete(before_offset=end) for number, end in ends.items()}
        async with asyncio.timeout(READ_SECONDS):
            await self._admin.delete_records(places)

    async def _read_at(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, Seen]:
        """The record at an offset of each partition."""
        self._assign()
        for place, offset in offsets.items():
            self._consumer.seek(place, offset)
            self._consumer.resume(place)
        seen: dict[TopicPartition, Seen] = {}
        try:
            while len(seen) < len(offsets):
                # Taken as they come: a fetch that lies there unread keeps the client from asking its broker again.
                found = await self._consumer.getmany(timeout_ms=SILENT_MILLISECONDS)
                for place, records in found.items():
                    self._consumer.pause(place)
                    seen[place] = self._seen(records[0])
        finally:
            self._consumer.pause(*offsets)
        return seen

    def _assign(self) -> None:
        if not self._consumer.assignment():
            self._consumer.assign(list(self._places.values()))
            for place in self._places.values():  # before the client asks for positions, which nobody keeps
                self._consumer.seek(place, 0)
                self._consumer.pause(place)

    def _seen(self, record: Any) -> Seen:
        value = record.value or b""
        sequence: int | None
        try:
            envelope = decode(value)
            sequence = int(envelope.sequence)
            if envelope.id != event_id(self._source, record.partition, sequence) or sequence >= 10**16:
                sequence = None
        except (msgspec.DecodeError, ValueError, RecursionError):
            sequence = None
        return Seen(record.offset, sequence, leaf_hash(value))

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


async def create_topic(
    admin: AIOKafkaAdminClient, name: str, partitions: int, settings: Mapping[str, str]
) -> None:
    """Creates a topic that is missing, with as many replicas as there are brokers, at most three."""
    brokers = len((await admin.describe_cluster())["brokers"])
    wanted = NewTopic(
        name,
        num_partitions=partitions,
        replication_factor=min(REPLICAS, brokers),
        topic_configs=dict(settings),
    )
    answer: Any = await admin.create_topics([wanted], timeout_ms=REQUEST_MILLISECONDS)
    [(_, code, *message)] = answer.topic_errors
    if not code:
        logger.warning("relay_topic_created", topic=name, partitions=partitions)
    elif for_code(code) is not TopicAlreadyExistsError:  # another instance was first, or it still goes
        raise for_code(code)(message[0] if message else name)
