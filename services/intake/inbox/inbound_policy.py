"""The rules of `rahnama.inbound`: any record is accepted, and a position is an offset with a digest.

End before the position, or another record before it: the topic was made anew, and is read from its beginning
(repeats are duplicates). Start beyond the position: records were deleted unread; an alarm, and on from the start.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from aiokafka import TopicPartition

from services.intake.append.inbound import (
    SOURCE,
    InboundPosition,
    InboundRecord,
    InboundSlice,
    load_all_inbound,
    load_inbound,
    record_digest,
)
from shared.errors import Unavailable
from shared.inbox.metrics import SKIPPED
from shared.inbox.topic_look import TopicLook
from shared.inbox.topic_policy import Admitted, Ends, PartitionConsumer
from shared.kafka.clients import Record, Records
from shared.postgres import Pool

_log = structlog.get_logger("intake.inbox")


class InboundPartitionConsumer:
    """One partition. `position` is the one in the database, on which the next slice builds.

    Every `look_seconds` the record before an older position is compared, so that a topic that was made anew and grew
    past the position meanwhile is told from the old one.
    """

    source = SOURCE

    def __init__(self, partition: int, position: InboundPosition, end: int, look_seconds: float) -> None:
        self.partition = partition
        self.position = position
        self._end = end
        self._look_seconds = look_seconds
        self._checked = position
        self._anew = False
        self._jumped_from: int | None = None
        self._skipped_to = 0
        self._looked_at = asyncio.get_running_loop().time()

    @property
    def applied(self) -> int:
        """The next offset."""
        return self.position.next_offset

    @property
    def newest(self) -> int:
        """The topic's end offset, as far as it is known."""
        return max(self._end, self.applied)

    @property
    def ahead_of(self) -> None:
        """Never: a topic that became shorter was made anew."""
        return None

    @property
    def searching(self) -> bool:
        """Never: whatever comes is accepted."""
        return False

    def search(self) -> None:
        """Records come from the topic's beginning now; the position in the database stays until they are applied."""
        self._anew = True

    def applied_slice(self, done: InboundSlice) -> None:
        """The writer has committed the slice."""
        self.position = done.reached
        if self._anew:
            self._checked, self._anew = self.position, False

    def admit(self, records: Records, end: int | None) -> Admitted[InboundSlice]:
        """All of it."""
        if records[0].offset < self.position.next_offset:
            self._anew = True
        elif not self._anew and records[0].offset > self.position.next_offset and self._jumped_from is None:
            self._jumped_from = self.position.next_offset
        self._end = records[-1].offset + 1 if end is None else end
        accepted = [
            InboundRecord(record.offset, record.timestamp, record.value or b"", record.headers)
            for record in records
        ]
        return Admitted(InboundSlice(self.partition, self.position, accepted), None)

    def look_at(self, ends: Ends) -> int | None:
        """Every `look_seconds`: the record before the position that was compared last."""
        if self._anew or asyncio.get_running_loop().time() < self._looked_at + self._look_seconds:
            return None
        self._looked_at = asyncio.get_running_loop().time()
        if self._checked.next_offset == 0:
            self._checked = self.position
        offset = self._checked.next_offset - 1
        return offset if ends.begin <= offset < ends.end else None

    def looked(self, ends: Ends, record: Record | None) -> bool:
        """True when the topic is not the one in which the position was reached."""
        # Behind the last record there may be markers of transactions, which nobody applies.
        self._end = self.applied if ends.read_to is not None and ends.read_to >= ends.end else ends.end
        if self._anew:
            self._jumped_from = None
            return False
        self._look_for_skipped(ends)
        if ends.end < min(self._checked.next_offset, self.position.next_offset):
            return True
        if record is None or record.offset != self._checked.next_offset - 1:
            return False
        if digest_of(record) != self._checked.digest:
            return True
        self._checked = self.position
        return False

    def _look_for_skipped(self, ends: Ends) -> None:
        """Offsets that were deleted before they were applied; a transaction's markers also leave a hole, but are there."""
        jumped, self._jumped_from = self._jumped_from, None
        expected = max(self._skipped_to, self.position.next_offset if jumped is None else jumped)
        if expected < ends.begin <= ends.end:
            self._skipped_to = ends.begin
            report_skipped(self.partition, expected, ends.begin)


def report_skipped(partition: int, position: int, begin: int) -> None:
    """The alarm for records that nobody can apply any more."""
    _log.error("inbound_deleted_unread", partition=partition, position=position, begin=begin)
    SKIPPED.add(begin - position, {"source": SOURCE})


class InboundPolicy:
    """`apply` is the writer's transaction."""

    def __init__(
        self, pool: Pool, apply: Callable[[Sequence[InboundSlice]], Awaitable[None]], *, look_seconds: float
    ) -> None:
        self._pool = pool
        self._look_seconds = look_seconds
        self._apply = apply
        self._skipped: dict[int, tuple[int, int]] = {}

    async def open(
        self, place: TopicPartition, look: TopicLook
    ) -> tuple[InboundPartitionConsumer, int | None]:
        """Loads the position and compares it with the topic, before any record is accepted."""
        async with self._pool.acquire() as connection:
            position = await load_inbound(connection, place.partition)
        ends = await look.ends([place])
        if place not in ends:
            raise Unavailable(f"partition {place.partition} of rahnama.inbound is not known yet")
        begin, end = ends[place]
        partition_consumer = InboundPartitionConsumer(place.partition, position, end, self._look_seconds)
        offset = await self._start(place, look, position, begin, end)
        if offset != position.next_offset:
            partition_consumer.search()
        return partition_consumer, offset

    async def _start(
        self, place: TopicPartition, look: TopicLook, position: InboundPosition, begin: int, end: int
    ) -> int:
        following = position.next_offset
        if following == 0 or end < following:
            if following:
                _log.warning("inbound_made_anew", partition=place.partition, position=following, end=end)
            return begin
        if begin > following:
            if self._skipped.get(place.partition) != (
                following,
                begin,
            ):  # it is opened again until a record is applied
                report_skipped(place.partition, following, begin)
            self._skipped[place.partition] = following, begin
            return begin
        if begin == following:
            return following
        record = (await look.read({place: following - 1})).get(place)
        if record is None:
            raise Unavailable(f"offset {following - 1} of rahnama.inbound {place.partition} was not readable")
        if digest_of(record) != position.digest:
            _log.warning("inbound_made_anew", partition=place.partition, position=following, end=end)
            return begin
        return following

    async def compare(
        self, partition_consumer: PartitionConsumer[InboundSlice], admitted: Admitted[InboundSlice]
    ) -> Admitted[InboundSlice]:
        """Nothing: no record of this topic has a sequence."""
        return admitted

    async def apply(self, slices: Sequence[InboundSlice]) -> None:
        """The writer's transaction."""
        await self._apply(slices)

    def source(self, topic: str) -> str:
        """The word in positions and alarms."""
        return SOURCE

    def newest(self, end: int, record: Record | None) -> int:
        """The offset behind the last record, or the end offset where that is not known."""
        return end if record is None else record.offset + 1

    def offset_of(self, piece: InboundSlice, sequence: int) -> int:
        """The first record's: a sequence here is an offset."""
        return piece.records[0].offset

    async def applied(self) -> Mapping[tuple[str, int], int]:
        """The next offset of every partition."""
        async with self._pool.acquire() as connection:
            return {
                (SOURCE, partition): position.next_offset
                for partition, position in (await load_all_inbound(connection)).items()
            }


def digest_of(record: Record) -> bytes:
    """The digest of a record as Kafka gives it."""
    return record_digest(record.value or b"", record.headers)
