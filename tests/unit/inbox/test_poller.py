"""Polls when a record cannot be taken apart: nothing of another partition is passed over, and the fault is found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import ConsumerStoppedError, UnknownError, UnsupportedCodecError

from shared.kafka.poller import Poller, is_unreadable

ONE, TWO = TopicPartition("t", 1), TopicPartition("t", 2)


@dataclass
class Buffered:
    """A consumer that treats errors as aiokafka does: what else the poll took is thrown away, and passed."""

    records: dict[TopicPartition, list[int | Exception]]
    positions: dict[TopicPartition, int] = field(default_factory=lambda: {ONE: 0, TWO: 0})
    paused: set[TopicPartition] = field(default_factory=set)

    def assignment(self) -> set[TopicPartition]:
        return set(self.records)

    async def getmany(
        self, *places: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[int]]:
        found: dict[TopicPartition, list[int]] = {}
        for place in places or tuple(self.records):
            if place in self.paused:
                continue
            taken: list[int] = []
            for record in self.records[place][self.positions[place] :][:max_records]:
                if isinstance(record, Exception):
                    raise record
                taken.append(record)
            if taken:
                found[place] = taken
                self.positions[place] += len(taken)
        if not found and not (set(self.records) - self.paused):
            raise ConsumerStoppedError
        return found


@dataclass
class Reading:
    """What the inbox does with what it is told, as far as the consumer sees it."""

    consumer: Buffered
    read_to: dict[TopicPartition, int] = field(default_factory=lambda: {ONE: 0, TWO: 0})
    held: list[TopicPartition] = field(default_factory=list)
    polls: list[tuple[int, int]] = field(default_factory=list)

    def drained(self, found: Mapping[TopicPartition, Sequence[Any]]) -> None:
        for place, records in found.items():
            self.read_to[place] += len(records)

    def polled(self, asked_ns: int, got_ns: int) -> None:
        self.polls.append((asked_ns, got_ns))

    async def interrupted(self) -> None:
        self.consumer.positions.update(self.read_to)

    async def unreadable(self, place: TopicPartition, error: Exception) -> None:
        self.held.append(place)
        self.consumer.paused.add(place)


async def _read(
    records: dict[TopicPartition, list[int | Exception]], until: int
) -> tuple[list[int], Reading]:
    consumer = Buffered(records)
    reading = Reading(consumer)
    poller = Poller("group", reading, records=10, wait_milliseconds=1)
    seen: list[int] = []
    while len(seen) < until:
        seen += await poller.poll(consumer)  # type: ignore[arg-type]
    return seen, reading


async def test_what_other_partitions_gave_in_a_failed_poll_is_read_again() -> None:
    seen, reading = await _read({ONE: [11, 12], TWO: [UnsupportedCodecError()]}, until=2)
    assert seen == [11, 12]
    assert len(reading.polls) == 1, "a poll without records is not told of"
    assert reading.polls[0][0] <= reading.polls[0][1]


async def test_the_records_before_an_unreadable_one_are_read_and_only_its_partition_is_given_up() -> None:
    broken = UnicodeDecodeError("utf-8", b"", 0, 1, "not shown")
    seen, reading = await _read({ONE: [11, broken, 12], TWO: [21, 22]}, until=3)
    assert sorted(seen) == [11, 21, 22]
    assert reading.read_to[ONE] == 1
    assert reading.held in ([], [ONE])


async def test_what_follows_upon_few_records_gathers_and_full_polls_follow_one_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("shared.kafka.poller.asyncio.sleep", sleep)
    consumer = Buffered({ONE: list(range(25))})
    poller = Poller("group", Reading(consumer), records=10, wait_milliseconds=1)
    assert [len(await poller.poll(consumer)) for _ in range(3)] == [10, 10, 5]  # type: ignore[arg-type]
    assert not pauses
    consumer.records[ONE].append(25)
    assert await poller.poll(consumer) == (25,)  # type: ignore[arg-type]
    assert len(pauses) == 1


def test_errors_of_kafka_pass_and_those_of_a_record_stay() -> None:
    assert not is_unreadable(UnknownError())
    assert is_unreadable(UnsupportedCodecError())
    assert is_unreadable(UnicodeDecodeError("utf-8", b"", 0, 1, ""))
