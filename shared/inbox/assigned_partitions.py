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
        self._tracks: dict[TopicPartition, AssignedPartition[L]] = {}
        self._hints: dict[TopicPartition, int] = {}
        self._seeks = 0
        self._drained_after = 0
        self.changed = asyncio.Event()

    def __iter__(self) -> Iterator[AssignedPartition[L]]:
        return iter(list(self._tracks.values()))

    def assigned(self, places: Iterable[TopicPartition]) -> None:
        """Begins anew with these partitions: nothing that was known of them before counts."""
        self.forget()
        for place in places:
            now = asyncio.get_running_loop().time()
            self._tracks[place] = AssignedPartition(
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
        self._tracks.clear()
        self._hints.clear()

    def current(self, track: AssignedPartition[L]) -> bool:
        """Whether the partition is still ours, in the same assignment."""
        return self._tracks.get(track.place) is track

    def drained(self, found: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """Records have left the consumer's buffer; a seek from now on makes them stale."""
        self._drained_after = self._seeks
        for place, records in found.items():
            if (track := self._tracks.get(place)) is not None:
                track.read_to = records[-1].offset + 1
        self.hear()

    def hear(self) -> None:
        """The consumer gives records, or was not asked for any until now."""
        now = asyncio.get_running_loop().time()
        for track in self._tracks.values():
            track.heard = now

    def interrupted(self) -> None:
        """The consumer may have moved past records that nobody saw: back to where every partition was read to."""
        for track in self._tracks.values():
            if track.read_to is not None:
                self._seek(track, track.read_to)
            else:
                track.lane = None  # it is opened anew, which seeks, or finds a gap and searches

    def flowing(self, place: TopicPartition) -> AssignedPartition[L] | None:
        """The track of a partition whose records may be admitted, or None."""
        track = self._tracks.get(place)
        if track is None or track.due is not None or track.sought_at > self._drained_after:
            return None
        return track

    def passed_over(self, place: TopicPartition, offset: int) -> None:
        """Records in hand, from `offset` on, of a partition that was taken back meanwhile: they are read again.

        Unless it was sought elsewhere since they left the buffer.
        """
        track = self._tracks.get(place)
        if track is not None and track.due is not None and track.sought_at <= self._drained_after:
            self._seek(track, offset)

    def of(self, place: TopicPartition) -> AssignedPartition[L] | None:
        """The track of a partition that is ours."""
        return self._tracks.get(place)

    def end(self, place: TopicPartition) -> int | None:
        """The topic's end as of the last fetch."""
        consumer = self._consumer()
        try:
            return None if consumer is None else consumer.highwater(place)
        except (IllegalStateError, AssertionError):
            return None

    async def position(self, track: AssignedPartition[L]) -> int | None:
        """Where the consumer reads on; None if it is not known at once."""
        consumer = self._consumer()
        return None if consumer is None else await position_of(consumer, track.place)

    async def wait_for_change(self, seconds: float) -> None:
        """Returns when something changed, when a partition is due again, or after `seconds`."""
        now = asyncio.get_running_loop().time()
        due = min(
            (track.due - now for track in self._tracks.values() if track.due is not None), default=seconds
        )
        try:
            async with asyncio.timeout(max(0.01, min(due, seconds))):
                await self.changed.wait()
        except TimeoutError:
            pass
        self.changed.clear()

    async def open(self, track: AssignedPartition[L], at: int | None = None) -> bool:
        """Loads the lane. False when the partition was sought elsewhere, so that its next records are others.

        `at` is the offset of the first of the records in hand: whoever is to begin there needs no seek.
        """
        track.lane, offset = await self._admission.open(track.place, self._look)
        track.applied, track.opened = track.lane.applied, True
        if offset is None or offset == at:
            return True
        self._seek(track, offset)
        return False

    async def search(self, track: AssignedPartition[L]) -> None:
        """Reads the topic again from its beginning."""
        if track.lane is not None:
            track.lane.search()
        consumer = self._consumer()
        if consumer is None or not self.current(track):
            return
        self._sought(track, None)
        try:
            async with asyncio.timeout(SEEK_SECONDS):
                await consumer.seek_to_beginning(track.place)
        except (IllegalStateError, KafkaError, TimeoutError) as error:
            _log.warning("seek_is_late", topic=track.place.topic, error=type(error).__name__)

    def take_back(self, track: AssignedPartition[L], offset: int | None, *, held: Held | None = None) -> None:
        """Pauses the partition for a while, and seeks to where it will be read on."""
        track.held = held or track.held
        seconds = track.retry_seconds()
        track.due = asyncio.get_running_loop().time() + seconds
        consumer = self._consumer()
        if consumer is not None and self.current(track):
            try:
                consumer.pause(track.place)
            except IllegalStateError:
                return  # it is not ours any more; the new assignment begins without a pause
            if offset is not None:
                self._seek(track, offset)
        RETRIES.add(1, {"source": track.source})
        if held is not None:
            _log.error(
                "partition_held", source=held.source, partition=held.partition, sequence=held.sequence,
                code=held.code, reason=held.reason, tries=track.failures, retry_seconds=seconds,
            )  # fmt: skip
        self.changed.set()

    def release(self, track: AssignedPartition[L]) -> None:
        """Lets a partition that was taken back flow again."""
        track.due, track.seen_newest = None, 0
        track.last_record = track.heard = asyncio.get_running_loop().time()
        consumer = self._consumer()
        if consumer is not None and self.current(track):
            try:
                consumer.resume(track.place)
            except IllegalStateError:
                return

    def went_on(self, track: AssignedPartition[L]) -> None:
        """The partition made progress: whatever held it is over."""
        if track.held is not None:
            _log.info("partition_goes_on", source=track.source, partition=track.place.partition)
        track.held, track.failures = None, 0

    def hint(self, track: AssignedPartition[L], offset: int) -> None:
        """`offset` is where a successor may begin to read."""
        if self.current(track):
            self._hints[track.place] = offset

    async def commit_hints(self) -> None:
        """Commits the hints to Kafka."""
        consumer, hints = self._consumer(), self._hints
        if consumer is not None and hints:
            self._hints = {}
            await commit_hints(consumer, hints)

    def problem(self) -> str | None:
        """Why reads may be behind for long: positions that were never loaded, or partitions that fail again and again."""
        tracks = self._tracks.values()
        if unopened := sum(1 for track in tracks if not track.opened and track.held is None):
            return f"{unopened} positions are being loaded"
        if failing := sum(1 for track in tracks if track.failures >= FAILURES_TOLD and track.held is None):
            return f"{failing} partitions are tried again and again"
        return None

    def held(self) -> list[HeldPartition]:
        """Every partition that cannot go on."""
        return [
            HeldPartition(
                track.source, track.place.partition, track.held.sequence, track.held.code, track.held.reason,
                track.failures,
            )
            for track in self._tracks.values()
            if track.held is not None
        ]  # fmt: skip

    def _seek(self, track: AssignedPartition[L], offset: int) -> None:
        consumer = self._consumer()
        if consumer is None or not self.current(track):
            return
        try:
            consumer.seek(track.place, offset)
        except IllegalStateError:
            return
        self._sought(track, offset)

    def _sought(self, track: AssignedPartition[L], offset: int | None) -> None:
        self._seeks += 1
        track.sought_at = self._seeks
        track.read_to = offset
