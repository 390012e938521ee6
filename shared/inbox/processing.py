"""One poll, one transaction; if that fails, one a partition; and what cannot go on is taken back.

Nothing here raises for a fault of the servers or of a record: FastStream would log it and fetch the next batch.
A partition that fails is paused and sought back before the poll ends, and its state is discarded.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Generic, TypeVar

import structlog
from aiokafka import TopicPartition

from shared.errors import Conflict, Held, Unapplicable
from shared.inbox.assigned_partition import AssignedPartition, passes
from shared.inbox.assigned_partitions import AssignedPartitions
from shared.inbox.metrics import APPLIED, ConsumerMetrics
from shared.inbox.topic_policy import Admitted, Fault, RecordSlice, TopicPolicy
from shared.kafka.clients import Records
from shared.runtime.error_location import places

L = TypeVar("L", bound=RecordSlice)

APPLY_SECONDS: Final = 40.0
"""Longest transaction; also the longest load."""
BATCH_SECONDS: Final = 60.0
"""After so long a batch that is tried partition by partition leaves the others for later: polls must go on."""
TRIES_TOGETHER: Final = 3
"""So often a whole batch is tried again after a fault that passes, before its partitions are tried alone."""

_log = structlog.get_logger("rahnama.inbox")


@dataclass(frozen=True, slots=True)
class _Work(Generic[L]):
    """The records of one partition in a batch, and what may be applied of them."""

    track: AssignedPartition[L]
    records: Records
    admitted: Admitted[L]


class Processing(Generic[L]):
    """Takes batches through admission and the service's transaction. Called under the inbox's lock."""

    def __init__(self, admission: TopicPolicy[L], tracks: AssignedPartitions[L], group: str) -> None:
        self._admission = admission
        self._metrics = ConsumerMetrics(group)
        self._tracks = tracks

    async def batch(self, records: Records) -> None:
        """Applies what can be applied; whatever happens, the partitions stand where they are to be read on."""
        try:
            await self._batch(records)
        except Exception as error:  # FastStream would fetch the next batch; these records must come again
            for place, run in _by_partition(records):
                if (track := self._tracks.flowing(place)) is not None:
                    self._failed(track, run[0].offset, error)
        self._tracks.hear()

    async def _batch(self, records: Records) -> None:
        began = asyncio.get_running_loop().time()
        works: list[_Work[L]] = []
        runs = list(_by_partition(records))
        self._metrics.received(Counter({place.topic: len(run) for place, run in runs}).items())
        for place, run in runs:
            track = self._tracks.flowing(place)
            if track is not None:
                track.last_record = began
                if (work := await self._admit(track, run)) is not None:
                    works.append(work)
            else:
                self._tracks.passed_over(place, run[0].offset)
        ready = [work for work in works if work.admitted.slice is not None]
        for work in works:
            if work.admitted.slice is None:
                await self._finish(work)
        if not ready:
            return
        error = await self._apply(ready)
        if error is None:
            for work in ready:
                await self._finish(work)
        elif passes(error) and not isinstance(error, Conflict) and self._together_again(ready):
            for work in ready:
                self._take_back(work.track, work.records[0].offset)
        elif len(ready) == 1:
            await self._failed_alone(ready[0], error)
        else:
            await self._one_by_one(ready, began + BATCH_SECONDS)

    async def open(self, track: AssignedPartition[L]) -> None:
        """Loads a partition's lane before its first record comes; after a failure it is tried again."""
        try:
            async with asyncio.timeout(APPLY_SECONDS):
                await self._tracks.open(track)
        except Exception as error:
            self._failed(track, None, error)

    def unreadable(self, place: TopicPartition, error: Exception) -> None:
        """The next record of a partition cannot be taken apart: the partition is held before it."""
        if (track := self._tracks.of(place)) is not None:
            at = "" if track.read_to is None else f", from offset {track.read_to} on"
            reason = f"a record cannot be read{at} ({type(error).__name__})"
            held = Unapplicable(track.source, track.place.partition, track.applied + 1, reason)
            self._hold(track, Fault(held, None))

    @staticmethod
    def _together_again(ready: Sequence[_Work[L]]) -> bool:
        return max(work.track.failures for work in ready) < TRIES_TOGETHER

    async def _admit(self, track: AssignedPartition[L], records: Records) -> _Work[L] | None:
        """None when nothing of it can be used now: the partition then stands where it is to be read on."""
        try:
            async with asyncio.timeout(APPLY_SECONDS):
                if track.lane is None and not await self._tracks.open(track, records[0].offset):
                    return None
            if track.lane is None:
                raise AssertionError("an opened track has a lane")
            admitted = track.lane.admit(records, self._tracks.end(track.place))
            if admitted.repeats:
                async with asyncio.timeout(APPLY_SECONDS):
                    admitted = await self._admission.compare(track.lane, admitted)
            return _Work(track, records, admitted)
        except Exception as error:
            self._failed(track, records[0].offset, error)
            return None

    async def _apply(self, works: Sequence[_Work[L]]) -> Exception | None:
        """One transaction; the error if it failed, and then the states are discarded."""
        slices = [work.admitted.slice for work in works if work.admitted.slice is not None]
        began = time.perf_counter()
        failure: Exception | None = None
        try:
            async with asyncio.timeout(APPLY_SECONDS):
                await self._admission.apply(slices)
            for work, piece in zip(works, slices, strict=True):
                if work.track.lane is not None:
                    work.track.lane.applied_slice(piece)
                    work.track.applied = work.track.lane.applied
        except Exception as error:
            failure = error
            for work in works:
                work.track.lane = None
            _log.warning(
                "batch_failed", partitions=[f"{w.track.source}-{w.track.place.partition}" for w in works],
                error=type(error).__name__,
            )  # fmt: skip
        topics = {work.track.place.topic for work in works}
        self._metrics.processed(topics, time.perf_counter() - began, failure)
        return failure

    async def _one_by_one(self, works: Sequence[_Work[L]], deadline: float) -> None:
        for work in works:
            if not self._tracks.current(work.track):
                continue  # it was revoked meanwhile
            if asyncio.get_running_loop().time() > deadline:
                self._take_back(work.track, work.records[0].offset)
            else:
                await self._alone(work.track, work.records)

    async def _alone(
        self, track: AssignedPartition[L], records: Records, *, cut: Fault | None = None
    ) -> None:
        """Loads the state anew and applies the records of one partition; `cut` is the fault known to follow."""
        work = await self._admit(track, records)
        if work is None:
            if (
                track.due is None
            ):  # sought elsewhere: what fails there would come back here at once, and again
                self._take_back(track, None)
            return
        if work.admitted.slice is not None and (error := await self._apply([work])) is not None:
            await self._failed_alone(work, error)
            return
        if cut is not None and work.admitted.fault is None:
            work = _Work(track, records, Admitted(work.admitted.slice, cut))
        await self._finish(work)

    async def _failed_alone(self, work: _Work[L], error: Exception) -> None:
        """A record that cannot be applied does not keep those before it from being applied."""
        track, piece = work.track, work.admitted.slice
        first = work.records[0].offset
        ours = isinstance(error, Held) and (error.source, error.partition) == (
            track.source,
            track.place.partition,
        )
        if not ours or piece is None or not isinstance(error, Held):
            self._failed(track, first, error)
            return
        offset = self._admission.offset_of(piece, error.sequence)
        before = [record for record in work.records if record.offset < offset]
        if before and offset > first:
            await self._alone(track, before, cut=Fault(error, offset))
        else:
            self._hold(track, Fault(error, first))

    def _failed(self, track: AssignedPartition[L], offset: int | None, error: Exception) -> None:
        if passes(error):
            self._take_back(track, offset)
        elif isinstance(error, Held):
            self._hold(track, Fault(error, offset))
        else:  # a mistake in the code: the partition is held, and its place in the code is told, never its data
            _log.error("record_handler_failed", error=type(error).__name__, where=places(error))
            reason = f"{type(error).__name__} from offset {offset} on"
            held = Unapplicable(track.source, track.place.partition, track.applied + 1, reason)
            self._hold(track, Fault(held, offset))

    async def _finish(self, work: _Work[L]) -> None:
        """After the commit: where the partition is read on."""
        track, fault, lane = work.track, work.admitted.fault, work.track.lane
        if work.admitted.slice is not None:
            APPLIED.add(len(work.admitted.slice.records), {"source": track.source})
            if fault is None:
                track.went_to(work.records[-1].timestamp, time.time())
        searching = lane is not None and lane.searching
        if work.admitted.slice is not None or (fault is None and not searching):
            self._tracks.went_on(track)
        if fault is None:
            if not searching:
                self._tracks.hint(track, work.records[-1].offset + 1)
            return
        if fault.offset is not None:
            self._tracks.hint(track, fault.offset)
        if fault.search:
            _log.warning("gap", source=track.source, partition=track.place.partition, what=fault.held.reason)
            await self._tracks.search(track)
        else:
            self._hold(track, fault)

    def _take_back(self, track: AssignedPartition[L], offset: int | None) -> None:
        track.lane = None
        self._tracks.take_back(track, offset)

    def _hold(self, track: AssignedPartition[L], fault: Fault) -> None:
        track.lane = None
        self._tracks.take_back(track, fault.offset, held=fault.held)


def _by_partition(records: Records) -> Iterator[tuple[TopicPartition, Records]]:
    """FastStream gives one tuple in which each partition's records stand together."""
    for (topic, partition), run in groupby(records, key=lambda record: (record.topic, record.partition)):
        yield TopicPartition(topic, partition), list(run)
