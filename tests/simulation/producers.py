"""aiokafka's producer and admin client over the broker in memory."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin import NewTopic, RecordsToDelete
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import (
    NotLeaderForPartitionError,
    OffsetOutOfRangeError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)

from tests.simulation.broker import Broker, Entry

BATCH_RECORDS: Final = 8
LATE_SECONDS: Final = 8.0


class Batch:
    """Records that are written together; a seeded number of them fits."""

    def __init__(self, room: int) -> None:
        self.entries: list[Entry] = []
        self._room = room

    def append(
        self, *, timestamp: int, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]
    ) -> object | None:
        """None when it is full."""
        if len(self.entries) >= self._room:
            return None
        self.entries.append(Entry(key, value, tuple(headers)))
        return self

    def close(self) -> None:
        """Nothing more is added."""


class Producer:
    """An idempotent producer. A batch may be written though nobody learns of it, also after `stop`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._closed = False

    def create_batch(self) -> Batch:
        """An empty batch."""
        return Batch(1 + int(self._broker.chance.random() * BATCH_RECORDS))

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> "asyncio.Future[Any]":
        """Gives a future with the `offset` of the first record."""
        if self._closed:  # as aiokafka: its sender has ended, and nobody will ever answer
            return self._broker.loop.create_future()
        place = TopicPartition(topic, partition)

        def write() -> Any:
            offset = self._broker.append(place, batch.entries)
            if offset is None:
                raise UnknownTopicOrPartitionError
            return SimpleNamespace(offset=offset)

        late = self._broker.fate("late batch") is not None
        seconds = self._broker.chance.random() * LATE_SECONDS if late else None
        return self._broker.request("produce", write, seconds=seconds)

    async def stop(self) -> None:
        """At once."""
        self._closed = True


class Admin:
    """For topics."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def list_topics(self) -> list[str]:
        """All names."""
        return await self._broker.request("topics", lambda: list(self._broker.topics))

    async def describe_topics(self, names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Their partitions, each with its leader."""

        def ask() -> list[dict[str, Any]]:
            return [
                {
                    "topic": name,
                    "partitions": [{"partition": log.number, "leader": 1} for log in logs],
                    "error_code": 0,
                }
                for name, logs in self._broker.topics.items()
                if names is None or name in names
            ] + [
                {"topic": name, "partitions": [], "error_code": UnknownTopicOrPartitionError.errno}
                for name in names or ()
                if name not in self._broker.topics
            ]

        return await self._broker.request("topics", ask)

    async def describe_cluster(self) -> dict[str, Any]:
        """One broker."""
        return await self._broker.request("topics", lambda: {"brokers": [{"node_id": 1}]})

    async def describe_consumer_groups(self, names: Sequence[str]) -> list[Any]:
        """Their members, each with its client id and its assignment's bytes."""

        def ask() -> list[Any]:
            answers = []
            for name in names:
                state, members = self._broker.group(name).described()
                rows = [(m.number, m.client_id, "/sim", b"", _assignment(m.places)) for m in members]
                answers.append(SimpleNamespace(groups=[(0, name, state, "consumer", "range", rows)]))
            return answers

        return await self._broker.request("describe group", ask)

    async def create_topics(self, topics: Sequence[NewTopic], timeout_ms: int | None = None) -> Any:
        """Answers with a code for each."""

        def create() -> Any:
            made = [
                (topic.name, self._broker.create_topic(topic.name, topic.num_partitions)) for topic in topics
            ]
            return SimpleNamespace(
                topic_errors=[(name, 0 if new else TopicAlreadyExistsError.errno, None) for name, new in made]
            )

        return await self._broker.request("create topic", create)

    async def delete_records(self, places: Mapping[TopicPartition, RecordsToDelete]) -> None:
        """Below an offset."""

        def delete() -> None:
            for place, wanted in places.items():
                log = self._broker.partition(place)
                if log is None:
                    raise NotLeaderForPartitionError
                if wanted.before_offset > log.end:
                    raise OffsetOutOfRangeError
                log.delete_before(log.end if wanted.before_offset == -1 else wanted.before_offset)

        await self._broker.request("delete records", delete)

    async def close(self) -> None:
        """Nothing is open."""


def _assignment(places: Iterable[TopicPartition]) -> bytes:
    by_topic: dict[str, list[int]] = {}
    for place in sorted(places):
        by_topic.setdefault(place.topic, []).append(place.partition)
    encoded: bytes = ConsumerProtocolMemberAssignment(0, list(by_topic.items()), b"").encode()
    return encoded
