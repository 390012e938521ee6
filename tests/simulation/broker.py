"""Kafka as far as its clients can tell: topics, partitions, offsets, and what may go wrong with them."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaTimeoutError,
    NodeNotReadyError,
    RequestTimedOutError,
)

from tests.simulation.given import Given
from tests.simulation.groups import Group
from tests.simulation.sessions import SERVER

TRAVEL_SECONDS: Final = 0.002
SLOW_SECONDS: Final = 12.0
REQUEST_SECONDS: Final = 5.0
TIME_OUTS: Final[Mapping[str, type[Exception]]] = {
    "connect": RequestTimedOutError,
    "topics": RequestTimedOutError,
    "delete records": RequestTimedOutError,
    "create topic": TimeoutError,
}
"""What aiokafka raises when a request is not answered; for others it is `KafkaTimeoutError`."""

Record = ConsumerRecord[bytes, bytes]
Headers = tuple[tuple[str, bytes], ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """A record before it has its place."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass
class PartitionLog:
    """Offsets `begin` <= o < `end`; `records` are those that are kept."""

    topic: str
    number: int
    begin: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The offset of the next record."""
        return self.begin + len(self.records)

    def append(self, entries: Sequence[Entry], milliseconds: int) -> int:
        """The offset of the first of `entries`."""
        first = self.end
        for offset, entry in enumerate(entries, first):
            self.records.append(
                ConsumerRecord(
                    self.topic, self.number, offset, milliseconds, 0, entry.key, entry.value, None,
                    len(entry.key or b""), len(entry.value or b""), entry.headers,
                )
            )  # fmt: skip
        return first

    def delete_before(self, offset: int) -> None:
        """Retention, or DeleteRecords."""
        offset = min(offset, self.end)
        if offset > self.begin:
            del self.records[: offset - self.begin]
            self.begin = offset

    def lose_after(self, offset: int) -> None:
        """A replica that was behind has become the leader: acknowledged records are gone."""
        del self.records[max(0, offset - self.begin) :]


class Broker:
    """`fate(what)` names the fault that a request meets, or None. `entries` may be written through `append` alone."""

    def __init__(self, loop: asyncio.AbstractEventLoop, chance: random.Random) -> None:
        self.loop = loop
        self.chance = chance
        self.down = False
        self.topics: dict[str, list[PartitionLog]] = {}
        self.groups: dict[str, Group] = {}
        self.given = Given()
        self.fate: Callable[[str], str | None] = lambda what: None
        self._waiters: list[tuple[frozenset[str], asyncio.Future[None]]] = []

    # --- topics

    def create_topic(self, name: str, partitions: int) -> bool:
        """False when it is there already."""
        if name in self.topics:
            return False
        self.topics[name] = [PartitionLog(name, number) for number in range(partitions)]
        return True

    def delete_topic(self, name: str) -> None:
        """With the positions that groups have kept of it."""
        self.topics.pop(name, None)
        for group in self.groups.values():
            group.forget(name)

    def partition(self, place: TopicPartition) -> PartitionLog | None:
        """None when there is no such partition now."""
        logs = self.topics.get(place.topic, ())
        return logs[place.partition] if place.partition < len(logs) else None

    def append(self, place: TopicPartition, entries: Sequence[Entry]) -> int | None:
        """The first offset; None when there is no such partition."""
        log = self.partition(place)
        if log is None:
            return None
        first = log.append(entries, int(self.loop.time() * 1000))
        self.news(place.topic)
        return first

    def group(self, name: str) -> Group:
        """A consumer group; it begins with its first member."""
        if name not in self.groups:
            self.groups[name] = Group(self)
        return self.groups[name]

    # --- requests

    def request(
        self, what: str, work: Callable[[], T], *, seconds: float | None = None
    ) -> "asyncio.Future[T]":
        """Asks the broker: `work` is done there, unless the request is lost on its way, or its answer on the way back."""
        future: asyncio.Future[T] = self.loop.create_future()
        fate = self.fate(what)
        delay = TRAVEL_SECONDS * self.chance.random() if seconds is None else seconds
        if fate == "slow":
            delay = SLOW_SECONDS * self.chance.random()
        self.loop.call_later(delay, self._serve, future, work, what, fate, context=SERVER)
        return future

    def _serve(self, future: "asyncio.Future[T]", work: Callable[[], T], what: str, fate: str | None) -> None:
        if fate == "silent":
            self.loop.call_later(REQUEST_SECONDS, _give_up, future, what, context=SERVER)
            return
        if self.down or fate == "lost before":
            self._refuse(future, what)
            return
        try:
            result = work()
        except Exception as error:
            if not future.done():
                future.set_exception(error)
            return
        if fate == "lost after":
            self._refuse(future, what)
        elif not future.done():
            future.set_result(result)

    def _refuse(self, future: "asyncio.Future[Any]", what: str) -> None:
        if self.chance.random() < 0.3:
            self.loop.call_later(REQUEST_SECONDS, _give_up, future, what, context=SERVER)
        elif not future.done():
            future.set_exception(self.chance.choice((KafkaConnectionError, NodeNotReadyError))())

    # --- news of records

    def news(self, topic: str) -> None:
        """Wakes whoever waits for records of a topic."""
        waiting = []
        for topics, waiter in self._waiters:
            if topic not in topics:
                waiting.append((topics, waiter))
            elif not waiter.done():
                waiter.set_result(None)
        self._waiters = waiting

    def wait_for_news(self, topics: frozenset[str]) -> "asyncio.Future[None]":
        """Done when a record was written to one of `topics`, at the latest."""
        waiter: asyncio.Future[None] = self.loop.create_future()
        self._waiters.append((topics, waiter))
        return waiter

    def forget(self, waiter: "asyncio.Future[None]") -> None:
        """Nobody waits for it any more."""
        self._waiters = [(topics, other) for topics, other in self._waiters if other is not waiter]


def _give_up(future: "asyncio.Future[Any]", what: str) -> None:
    if not future.done():
        future.set_exception(TIME_OUTS.get(what, KafkaTimeoutError)())
