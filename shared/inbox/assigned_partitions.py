"""The assigned partitions of one consumer, and every seek, pause and resume of them."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Generic, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from shared.errors import Held
from shared.inbox.assigned_partition import AssignedPartition, HeldPartition
from shared.inbox.metrics import RETRIES
from shared.inbox.offsets import commit_hints, position_of
from shared.inbox.topic_look import TopicLook
from shared.inbox.topic_policy import RecordSlice, TopicPolicy
from shared.kafka.clients import Record

L = TypeVar("L", bound=RecordSlice)

SEEK_SECONDS: Final = 5.0
FAILURES_TOLD: Final = 5

_log = structlog.get_logger("rahnama.inbox")


class AssignedPartitions(Generic[L]):
    """Changed under the inbox's lock alone. `changed` is set whenever the keeper has something to do."""

    def __init__(
        self, admission: TopicPolicy[L], look: TopicLook, consumer: Callable[[], AIOKafkaConsumer | None]
    ) -> None:
        self._admission = admission
        self._look = look
        self._consumer = consumer
        self._partitions: dict[TopicPartition, AssignedPartition[L]] = {}
        self._hints: dict[TopicPartition, int] = {}
        self._seeks = 0
        self._drained_after = 0
        self.changed = asyncio.Event()

    def __iter__(self) -> Iterator[AssignedPartition[L]]:
        return iter(list(self._partitions.values()))

    def assigned(self, places: Iterable[TopicPartition]) -> None:
        """Begins anew with these partitions: nothing that was known of them before counts."""
        self.forget()
        for place in places:
            now = asyncio.get_running_loop().time()
            self._partitions[place] = AssignedPartition(
                place,
                self._admission.source(place.topic),
                last_record=now,
                heard=now,
                assigned_at=time.time(),
            )
            RETRIES.add(0, {"source": self._admission.source(place.topic)})
        self.changed.set()

    def forget(self) -> None:
        """No partition is ours any more."""
        self._partitions.clear()
        self._hints.clear()

    def current(self, assigned: AssignedPartition[L]) -> bool:
        """Whether the partition is still ours, in the same assignment."""
        return self._partitions.get(assigned.place) is assigned

    def drained(self, found: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """Records have left the consumer's buffer; a seek from now on makes them stale."""
        self._drained_after = self._seeks
        for place, records in found.items():
            if (assigned := self._partitions.get(place)) is not None:
                assigned.read_to = records[-1].offset + 1
        self.hear()

    def hear(self) -> None:
        """The consumer gives records, or was not asked for any until now."""
        now = asyncio.get_running_loop().time()
        for assigned in self._partitions.values():
            assigned.heard = now

    def interrupted(self) -> None:
        """The consumer may have moved past records that nobody saw: back to where every partition was read to."""
        for assigned in self._partitions.values():
            if assigned.read_to is not None:
                self._seek(assigned, assigned.read_to)
            else:
                assigned.consumer = None  # it is opened anew, which seeks, or finds a gap and searches

    def flowing(self, place: TopicPartition) -> AssignedPartition[L] | None:
        """A partition whose records may be admitted, or None."""
        assigned = self._partitions.get(place)
        if assigned is None or assigned.due is not None or assigned.sought_at > self._drained_after:
            return None
        return assigned

    def passed_over(self, place: TopicPartition, offset: int) -> None:
        """Records in hand, from `offset` on, of a partition that was taken back meanwhile: they are read again.

        Unless it was sought elsewhere since they left the buffer.
        """
        assigned = self._partitions.get(place)
        if assigned is not None and assigned.due is not None and assigned.sought_at <= self._drained_after:
            self._seek(assigned, offset)

    def of(self, place: TopicPartition) -> AssignedPartition[L] | None:
        """A partition that is ours, or None."""
        return self._partitions.get(place)

    def end(self, place: TopicPartition) -> int | None:
        """The topic's end as of the last fetch."""
        consumer = self._consumer()
        try:
            return None if consumer is None else consumer.highwater(place)
        except (IllegalStateError, AssertionError):
            return None

    async def position(self, assigned: AssignedPartition[L]) -> int | None:
        """Where the consumer reads on; None if it is not known at once."""
        consumer = self._consumer()
        return None if consumer is None else await position_of(consumer, assigned.place)

    async def wait_for_change(self, seconds: float) -> None:
        """Returns when something changed, when a partition is due again, or after `seconds`."""
        now = asyncio.get_running_loop().time()
        due = min(
            (assigned.due - now for assigned in self._partitions.values() if assigned.due is not None),
            default=seconds,
        )
        try:
            async with asyncio.timeout(max(0.01, min(due, seconds))):
                await self.changed.wait()
        except TimeoutError:
            pass
        self.changed.clear()

    async def open(self, assigned: AssignedPartition[L], at: int | None = None) -> bool:
        """Loads the partition's consumer. False when the partition was sought elsewhere, so that its next records are others.

        `at` is the offset of the first of the records in hand: whoever is to begin there needs no seek.
        """
        assigned.consumer, offset = await self._admission.open(assigned.place, self._look)
        assigned.applied, assigned.opened = assigned.consumer.applied, True
        if offset is None or offset == at:
            return True
        self._seek(assigned, offset)
        return False

    async def search(self, assigned: AssignedPartition[L]) -> None:
        """Reads the topic again from its beginning."""
        if assigned.consumer is not None:
            assigned.consumer.search()
        consumer = self._consumer()
        if consumer is None or not self.current(assigned):
            return
        self._sought(assigned, None)
        try:
            async with asyncio.timeout(SEEK_SECONDS):
                await consumer.seek_to_beginning(assigned.place)
        except (IllegalStateError, KafkaError, TimeoutError) as error:
            _log.warning("seek_is_late", topic=assigned.place.topic, error=type(error).__name__)

    def take_back(
        self, assigned: AssignedPartition[L], offset: int | None, *, held: Held | None = None
    ) -> None:
        """Pauses the partition for a while, and seeks to where it will be read on."""
        assigned.held = held or assigned.held
        seconds = assigned.retry_seconds()
        assigned.due = asyncio.get_running_loop().time() + seconds
        consumer = self._consumer()
        if consumer is not None and self.current(assigned):
            try:
                consumer.pause(assigned.place)
            except IllegalStateError:
                return  # it is not ours any more; the new assignment begins without a pause
            if offset is not None:
                self._seek(assigned, offset)
        RETRIES.add(1, {"source": assigned.source})
        if held is not None:
            _log.error(
                "partition_held", source=held.source, partition=held.partition, sequence=held.sequence,
                code=held.code, reason=held.reason, tries=assigned.failures, retry_seconds=seconds,
            )  # fmt: skip
        self.changed.set()

    def release(self, assigned: AssignedPartition[L]) -> None:
        """Lets a partition that was taken back flow again."""
        assigned.due, assigned.seen_newest = None, 0
        assigned.last_record = assigned.heard = asyncio.get_running_loop().time()
        consumer = self._consumer()
        if consumer is not None and self.current(assigned):
            try:
                consumer.resume(assigned.place)
            except IllegalStateError:
                return

    def went_on(self, assigned: AssignedPartition[L]) -> None:
        """The partition made progress: whatever held it is over."""
        if assigned.held is not None:
            _log.info("partition_goes_on", source=assigned.source, partition=assigned.place.partition)
        assigned.held, assigned.failures = None, 0

    def hint(self, assigned: AssignedPartition[L], offset: int) -> None:
        """`offset` is where a successor may begin to read."""
        if self.current(assigned):
            self._hints[assigned.place] = offset

    async def commit_hints(self) -> None:
        """Commits the hints to Kafka."""
        consumer, hints = self._consumer(), self._hints
        if consumer is not None and hints:
            self._hints = {}
            await commit_hints(consumer, hints)

    def problem(self) -> str | None:
        """Why reads may be behind for long: positions that were never loaded, or partitions that fail again and again."""
        running = [assigned for assigned in self._partitions.values() if assigned.held is None]
        if unopened := sum(not assigned.opened for assigned in running):
            return f"{unopened} positions are being loaded"
        if failing := sum(assigned.failures >= FAILURES_TOLD for assigned in running):
            return f"{failing} partitions are tried again and again"
        return None

    def held(self) -> list[HeldPartition]:
        """Every partition that cannot go on."""
        return [
            HeldPartition(
                assigned.source, assigned.place.partition, assigned.held.sequence, assigned.held.code, assigned.held.reason,
                assigned.failures,
            )
            for assigned in self._partitions.values()
            if assigned.held is not None
        ]  # fmt: skip

    def _seek(self, assigned: AssignedPartition[L], offset: int) -> None:
        consumer = self._consumer()
        if consumer is None or not self.current(assigned):
            return
        try:
            consumer.seek(assigned.place, offset)
        except IllegalStateError:
            return
        self._sought(assigned, offset)

    def _sought(self, assigned: AssignedPartition[L], offset: int | None) -> None:
        self._seeks += 1
        assigned.sought_at = self._seeks
        assigned.read_to = offset
