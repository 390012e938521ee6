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

    assigned: AssignedPartition[L]
    records: Records
    admitted: Admitted[L]


class Processing(Generic[L]):
    """Takes batches through admission and the service's transaction. Called under the inbox's lock."""

    def __init__(self, admission: TopicPolicy[L], partitions: AssignedPartitions[L], group: str) -> None:
        self._admission = admission
        self._metrics = ConsumerMetrics(group)
        self._partitions = partitions

    async def batch(self, records: Records) -> None:
        """Applies what can be applied; whatever happens, the partitions stand where they are to be read on."""
        try:
            await self._batch(records)
        except Exception as error:  # FastStream would fetch the next batch; these records must come again
            for place, run in _by_partition(records):
                if (assigned := self._partitions.flowing(place)) is not None:
                    self._failed(assigned, run[0].offset, error)
        self._partitions.hear()

    async def _batch(self, records: Records) -> None:
        began = asyncio.get_running_loop().time()
        works: list[_Work[L]] = []
        runs = list(_by_partition(records))
        self._metrics.received(Counter({place.topic: len(run) for place, run in runs}).items())
        for place, run in runs:
            assigned = self._partitions.flowing(place)
            if assigned is not None:
                assigned.last_record = began
                if (work := await self._admit(assigned, run)) is not None:
                    works.append(work)
            else:
                self._partitions.passed_over(place, run[0].offset)
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
                self._take_back(work.assigned, work.records[0].offset)
        elif len(ready) == 1:
            await self._failed_alone(ready[0], error)
        else:
            await self._one_by_one(ready, began + BATCH_SECONDS)

    async def open(self, assigned: AssignedPartition[L]) -> None:
        """Loads a partition's consumer before its first record comes; after a failure it is tried again."""
        try:
            async with asyncio.timeout(APPLY_SECONDS):
                await self._partitions.open(assigned)
        except Exception as error:
            self._failed(assigned, None, error)

    def unreadable(self, place: TopicPartition, error: Exception) -> None:
        """The next record of a partition cannot be taken apart: the partition is held before it."""
        if (assigned := self._partitions.of(place)) is not None:
            at = "" if assigned.read_to is None else f", from offset {assigned.read_to} on"
            reason = f"a record cannot be read{at} ({type(error).__name__})"
            held = Unapplicable(assigned.source, assigned.place.partition, assigned.applied + 1, reason)
            self._hold(assigned, Fault(held, None))

    @staticmethod
    def _together_again(ready: Sequence[_Work[L]]) -> bool:
        return max(work.assigned.failures for work in ready) < TRIES_TOGETHER

    async def _admit(self, assigned: AssignedPartition[L], records: Records) -> _Work[L] | None:
        """None when nothing of it can be used now: the partition then stands where it is to be read on."""
        try:
            async with asyncio.timeout(APPLY_SECONDS):
                if assigned.consumer is None and not await self._partitions.open(assigned, records[0].offset):
                    return None
            if assigned.consumer is None:
                raise AssertionError("an opened partition has a consumer")
            admitted = assigned.consumer.admit(records, self._partitions.end(assigned.place))
            if admitted.repeats:
                async with asyncio.timeout(APPLY_SECONDS):
                    admitted = await self._admission.compare(assigned.consumer, admitted)
            return _Work(assigned, records, admitted)
        except Exception as error:
            self._failed(assigned, records[0].offset, error)
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
                if work.assigned.consumer is not None:
                    work.assigned.consumer.applied_slice(piece)
                    work.assigned.applied = work.assigned.consumer.applied
        except Exception as error:
            failure = error
            for work in works:
                work.assigned.consumer = None
            _log.warning(
                "batch_failed", partitions=[f"{w.assigned.source}-{w.assigned.place.partition}" for w in works],
                error=type(error).__name__,
            )  # fmt: skip
        topics = {work.assigned.place.topic for work in works}
        self._metrics.processed(topics, time.perf_counter() - began, failure)
        return failure

    async def _one_by_one(self, works: Sequence[_Work[L]], deadline: float) -> None:
        for work in works:
            if not self._partitions.current(work.assigned):
                continue  # it was revoked meanwhile
            if asyncio.get_running_loop().time() > deadline:
                self._take_back(work.assigned, work.records[0].offset)
            else:
                await self._alone(work.assigned, work.records)

    async def _alone(
        self, assigned: AssignedPartition[L], records: Records, *, cut: Fault | None = None
    ) -> None:
        """Loads the state anew and applies the records of one partition; `cut` is the fault known to follow."""
        work = await self._admit(assigned, records)
        if work is None:
            if (
                assigned.due is None
            ):  # sought elsewhere: what fails there would come back here at once, and again
                self._take_back(assigned, None)
            return
        if work.admitted.slice is not None and (error := await self._apply([work])) is not None:
            await self._failed_alone(work, error)
            return
        if cut is not None and work.admitted.fault is None:
            work = _Work(assigned, records, Admitted(work.admitted.slice, cut))
        await self._finish(work)

    async def _failed_alone(self, work: _Work[L], error: Exception) -> None:
        """A record that cannot be applied does not keep those before it from being applied."""
        assigned, piece = work.assigned, work.admitted.slice
        first = work.records[0].offset
        ours = isinstance(error, Held) and (error.source, error.partition) == (
            assigned.source,
            assigned.place.partition,
        )
        if not ours or piece is None or not isinstance(error, Held):
            self._failed(assigned, first, error)
            return
        offset = self._admission.offset_of(piece, error.sequence)
        before = [record for record in work.records if record.offset < offset]
        if before and offset > first:
            await self._alone(assigned, before, cut=Fault(error, offset))
        else:
            self._hold(assigned, Fault(error, first))

    def _failed(self, assigned: AssignedPartition[L], offset: int | None, error: Exception) -> None:
        if passes(error):
            self._take_back(assigned, offset)
        elif isinstance(error, Held):
            self._hold(assigned, Fault(error, offset))
        else:  # a mistake in the code: the partition is held, and its place in the code is told, never its data
            _log.error("record_handler_failed", error=type(error).__name__, where=places(error))
            reason = f"{type(error).__name__} from offset {offset} on"
            held = Unapplicable(assigned.source, assigned.place.partition, assigned.applied + 1, reason)
            self._hold(assigned, Fault(held, offset))

    async def _finish(self, work: _Work[L]) -> None:
        """After the commit: where the partition is read on."""
        assigned, fault, partition_consumer = work.assigned, work.admitted.fault, work.assigned.consumer
        if work.admitted.slice is not None:
            APPLIED.add(len(work.admitted.slice.records), {"source": assigned.source})
            if fault is None:
                assigned.went_to(work.records[-1].timestamp, time.time())
        searching = partition_consumer is not None and partition_consumer.searching
        if work.admitted.slice is not None or (fault is None and not searching):
            self._partitions.went_on(assigned)
        if fault is None:
            if not searching:
                self._partitions.hint(assigned, work.records[-1].offset + 1)
            return
        if fault.offset is not None:
            self._partitions.hint(assigned, fault.offset)
        if fault.search:
            _log.warning(
                "gap", source=assigned.source, partition=assigned.place.partition, what=fault.held.reason
            )
            await self._partitions.search(assigned)
        else:
            self._hold(assigned, fault)

    def _take_back(self, assigned: AssignedPartition[L], offset: int | None) -> None:
        assigned.consumer = None
        self._partitions.take_back(assigned, offset)

    def _hold(self, assigned: AssignedPartition[L], fault: Fault) -> None:
        assigned.consumer = None
        self._partitions.take_back(assigned, fault.offset, held=fault.held)


def _by_partition(records: Records) -> Iterator[tuple[TopicPartition, Records]]:
    """FastStream gives one tuple in which each partition's records stand together."""
    for (topic, partition), run in groupby(records, key=lambda record: (record.topic, record.partition)):
        yield TopicPartition(topic, partition), list(run)
