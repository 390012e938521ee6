"""aiokafka's consumer over the broker in memory: positions, buffers, pauses, and topics that change underneath."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.errors import (
    ConsumerStoppedError,
    IllegalOperation,
    IllegalStateError,
    KafkaTimeoutError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from tests.simulation.broker import Broker, Record
from tests.simulation.groups import Group

FETCH_RECORDS: Final = 12
SILENT_SECONDS: Final = 0.5
REQUEST_SECONDS: Final = 40.0
"""As aiokafka's default."""


class Consumer:
    """With or without a group. Records are fetched ahead, and stay in the buffer whatever happens to the topic."""

    def __init__(
        self,
        broker: Broker,
        *,
        reset: str,
        group: Group | None = None,
        request_seconds: float = REQUEST_SECONDS,
    ) -> None:
        self._broker = broker
        self._request_seconds = request_seconds
        self._reset = reset
        self._group = group
        self.member: int | None = None
        self.generation = -1
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._positions: dict[TopicPartition, int | None] = {}
        self._buffers: dict[TopicPartition, list[Record]] = {}
        self._highwater: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._stopped = False
        self._news: asyncio.Future[None] | None = None
        self._reassigned: asyncio.Event | None = None

    # --- assignment

    def assign(self, places: Iterable[TopicPartition]) -> None:
        """Whatever was known of other partitions is forgotten."""
        self._assigned = frozenset(places)
        self._positions = dict.fromkeys(self._assigned)
        self._broker.given.reassigned(self)
        self._buffers.clear()
        self._highwater.clear()
        self._paused.clear()
        if self._reassigned is not None:
            self._reassigned.set()
            self._reassigned = None

    def begin_reassignment(self) -> None:
        """Nothing is given until the next `assign`."""
        if self._reassigned is None:
            self._reassigned = asyncio.Event()

    def assignment(self) -> frozenset[TopicPartition]:
        """What it reads."""
        return self._assigned

    def seek(self, place: TopicPartition, offset: int) -> None:
        """The next record of a partition."""
        self._require(place)
        self._positions[place] = offset
        self._buffers.pop(place, None)

    async def seek_to_beginning(self, *places: TopicPartition) -> None:
        """To the oldest records."""
        begins = await self.beginning_offsets(places)
        for place in places:
            self.seek(place, begins[place])

    def pause(self, *places: TopicPartition) -> None:
        """Nothing of these is given for a while."""
        for place in places:
            self._require(place)
            self._paused.add(place)

    def resume(self, *places: TopicPartition) -> None:
        """They are given again."""
        for place in places:
            self._require(place)
            self._paused.discard(place)
            self._broker.news(place.topic)

    def highwater(self, place: TopicPartition) -> int | None:
        """The topic's end as of the last fetch."""
        assert place in self._assigned, "Partition is not assigned"
        return self._highwater.get(place)

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """As the metadata has them."""
        logs = self._broker.topics.get(topic)
        return {log.number for log in logs} if logs is not None else None

    # --- questions

    async def beginning_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Of each partition that there is."""
        return await self._offsets(list(places), lambda log: log.begin)

    async def end_offsets(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Of each partition that there is."""
        return await self._offsets(list(places), lambda log: log.end)

    async def _offsets(
        self, places: Sequence[TopicPartition], of: Callable[[Any], int]
    ) -> dict[TopicPartition, int]:
        def ask() -> dict[TopicPartition, int]:
            logs = {place: self._broker.partition(place) for place in places}
            return {place: of(log) for place, log in logs.items() if log is not None}

        try:
            async with asyncio.timeout(self._request_seconds):
                while True:  # it asks for the metadata of a topic that is missing, again and again
                    found = await self._broker.request("offsets", ask)
                    if len(found) == len(places):
                        return found
                    await asyncio.sleep(SILENT_SECONDS)
        except TimeoutError as error:
            raise KafkaTimeoutError from error

    async def position(self, place: TopicPartition) -> int:
        """The offset of the next record that will be given."""
        self._require(place)
        while (position := self._positions[place]) is None:
            await self._find_positions()
        return position

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Keeps offsets for the group."""
        group, member = self._group, self.member
        if group is None or member is None:
            raise IllegalOperation("no group")
        for place in offsets:
            self._require(place)
        wanted = {place: kept.offset for place, kept in offsets.items()}
        await self._broker.request("commit", lambda: group.commit(member, self.generation, wanted))

    # --- records

    async def getone(self, *places: TopicPartition) -> Record:
        """The next record, however long it takes."""
        while True:
            for records in (await self.getmany(*places, timeout_ms=1000, max_records=1)).values():
                return records[0]

    async def getmany(
        self, *places: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[Record]]:
        """The next records of these partitions, or of all; empty after the time-out."""
        loop = self._broker.loop
        deadline = loop.time() + timeout_ms / 1000
        while True:
            if self._stopped:
                raise ConsumerStoppedError
            if self._reassigned is not None:  # as long as it takes, whatever `timeout_ms` is
                await self._reassigned.wait()
                continue
            if found := self._take(places or tuple(self._assigned), max_records):
                return found
            self._news = news = self._broker.wait_for_news(frozenset(place.topic for place in self._assigned))
            try:
                await self._fetch()
                if self._reassigned is not None:
                    continue
                if found := self._take(places or tuple(self._assigned), max_records):
                    return found
                left = deadline - loop.time()
                if left <= 0:
                    return {}
                timer = loop.call_later(left, _tell, news)
                await news
                timer.cancel()
                if self._stopped:
                    return {}
            finally:
                self._broker.forget(news)

    async def stop(self) -> None:
        """Ends it; a poll that waits is empty, the next one an error."""
        self._stopped = True
        if self._reassigned is not None:
            self._reassigned.set()
            self._reassigned = None
        if self._news is not None:
            _tell(self._news)

    # --- how it is done

    def _take(self, places: Sequence[TopicPartition], most: int | None) -> dict[TopicPartition, list[Record]]:
        found: dict[TopicPartition, list[Record]] = {}
        room = most or FETCH_RECORDS
        wanted = sorted(places)
        turn = int(self._broker.chance.random() * len(wanted))
        for place in wanted[turn:] + wanted[:turn]:
            buffer = self._buffers.get(place)
            if not buffer or place in self._paused or room <= 0:
                continue
            found[place] = taken = buffer[:room]
            self._buffers[place] = buffer[room:]
            self._positions[place] = taken[-1].offset + 1
            room -= len(taken)
            if self._group is not None:
                self._broker.given.take(self, place, taken)
        return found

    async def _fetch(self) -> None:
        if None in self._positions.values():
            await self._find_positions()
        empty = [
            place for place in self._assigned if not self._buffers.get(place) and place not in self._paused
        ]
        if not empty:
            return
        assigned, positions = self._assigned, dict(self._positions)
        brought = await self._broker.request("fetch", lambda: self._read({p: positions[p] for p in empty}))
        for place, (records, end) in brought.items():
            if self._assigned is assigned and self._positions.get(place) == positions[place]:
                if records is None:
                    self._out_of_range(place)
                else:
                    self._buffers[place] = records
                    self._highwater[place] = end

    def _read(
        self, positions: Mapping[TopicPartition, int | None]
    ) -> dict[TopicPartition, tuple[list[Record] | None, int]]:
        brought: dict[TopicPartition, tuple[list[Record] | None, int]] = {}
        for place, position in positions.items():
            log = self._broker.partition(place)
            if log is None or position is None:
                continue
            if not log.begin <= position <= log.end:
                brought[place] = (None, log.end)
                continue
            first = position - log.begin
            many = 1 + int(self._broker.chance.random() * FETCH_RECORDS)
            brought[place] = (log.records[first : first + many], log.end)
        return brought

    def _out_of_range(self, place: TopicPartition) -> None:
        if self._reset == "none":
            raise OffsetOutOfRangeError({place: self._positions[place]})
        log = self._broker.partition(place)
        if log is not None:
            self._positions[place] = log.begin if self._reset == "earliest" else log.end

    async def _find_positions(self) -> None:
        unknown = [place for place, position in self._positions.items() if position is None]
        assigned = self._assigned

        def ask() -> dict[TopicPartition, int]:
            kept = self._group.offsets if self._group is not None else {}
            logs = {place: self._broker.partition(place) for place in unknown}
            found = {place: log for place, log in logs.items() if log is not None}
            if self._reset == "none" and (lost := found.keys() - kept.keys()):
                raise NoOffsetForPartitionError(*sorted(lost))
            return {
                place: kept.get(place, log.begin if self._reset == "earliest" else log.end)
                for place, log in found.items()
            }

        found = await self._broker.request("positions", ask)
        for place, position in found.items():
            if self._assigned is assigned and self._positions.get(place) is None:
                self._positions[place] = position

    def _require(self, place: TopicPartition) -> None:
        if place not in self._assigned:
            raise IllegalStateError(f"{place} is not assigned")


def _tell(news: "asyncio.Future[None]") -> None:
    if not news.done():
        news.set_result(None)
