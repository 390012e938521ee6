"""The watch over topics: is a topic further than we are, though nothing comes; was it made anew; how far do others go?

And over the database: a copy that was set back moves nothing, so that nobody would notice while nothing comes.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, Generic, NamedTuple, TypeVar

import asyncpg
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from shared.inbox.assigned_partition import AssignedPartition
from shared.inbox.assigned_partitions import AssignedPartitions
from shared.inbox.topic_look import TopicLook
from shared.inbox.topic_policy import Ends, RecordSlice, TopicPolicy
from shared.postgres import TRANSIENT_ERRORS

L = TypeVar("L", bound=RecordSlice)

OTHERS_EVERY: Final = 5
"""Partitions that do not flow here, held or not ours, are looked at for their lag: at every fifth look; so is the database."""
DATABASE_SECONDS: Final = 5.0
KNOWN_SECONDS: Final = 1.0
"""After so long without records the topic's end was looked at, not only what records told of it."""
DEAF_AFTER: Final = 20
"""After so many looks without a record that is there, the consumer itself is taken to be broken."""

_log = structlog.get_logger("rahnama.inbox")


class LagElsewhere(NamedTuple):
    """Of a partition that is not assigned here: records that are not applied, and for how many seconds at most."""

    source: str
    partition: int
    records: int
    seconds: float


class TopicWatch(Generic[L]):
    """Compares the assigned partitions with their topics every `watch_seconds`."""

    def __init__(
        self,
        admission: TopicPolicy[L],
        partitions: AssignedPartitions[L],
        look: TopicLook,
        lock: asyncio.Lock,
        known: Callable[[], set[TopicPartition]],
        *,
        watch_seconds: float,
    ) -> None:
        self._admission = admission
        self._partitions = partitions
        self._look = look
        self._lock = lock
        self._known = known
        self._watch_seconds = watch_seconds
        self._steps = 0
        self._others: dict[tuple[str, int], int] = {}
        self._kept: Mapping[tuple[str, int], int] = {}
        self._level_at: dict[tuple[str, int], float] = {}

    def stalled(self) -> bool:
        """Whether a partition that nothing holds is behind its topic, its consumer too, and no record came for long."""
        since = asyncio.get_running_loop().time() - DEAF_AFTER * self._watch_seconds
        return any(
            assigned.consumer is not None and assigned.due is None and assigned.consumer.newest > assigned.consumer.applied
            and assigned.unread and assigned.heard < since
            for assigned in self._partitions
        )  # fmt: skip

    def newest(self) -> dict[tuple[str, int], int]:
        """How far the topic of each partition goes, as far as it is known."""
        ours = {
            (assigned.source, assigned.place.partition): max(assigned.consumer.newest, assigned.seen_newest)
            for assigned in self._partitions
            if assigned.consumer is not None
        }
        return self._others | ours

    def elsewhere(self) -> list[LagElsewhere]:
        """The lag of every partition that is not assigned here: of other instances, of foreign members, of nobody."""
        ours, now = (
            {(assigned.source, assigned.place.partition) for assigned in self._partitions},
            time.time(),
        )
        found = []
        for key, newest in self._others.items():
            if key not in ours and key in self._kept:
                records = max(0, newest - self._kept[key])
                since = self._level_at.get(key, now)
                found.append(LagElsewhere(*key, records, max(0.0, now - since) if records else 0.0))
        return found

    async def step(self) -> None:
        """Waits, then looks. Kafka's faults pass: the next look is soon."""
        await asyncio.sleep(self._watch_seconds)
        self._steps += 1
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            await self._look_at_ours()
            if self._steps % OTHERS_EVERY == 0:
                await self._look_at_others()
        if self._steps % OTHERS_EVERY == 0:
            with contextlib.suppress(asyncpg.PostgresError, *TRANSIENT_ERRORS):
                await self._look_at_positions()
                self._note_level()

    async def _look_at_positions(self) -> None:
        """What was built on a position that the database does not have (any more) is discarded and loaded again."""
        async with asyncio.timeout(DATABASE_SECONDS), self._lock:
            self._kept = applied = await self._admission.applied()
            for assigned in self._partitions:
                kept = applied.get((assigned.source, assigned.place.partition))
                if assigned.consumer is not None and kept is not None and assigned.consumer.applied != kept:
                    _log.warning(
                        "position_is_another",
                        source=assigned.source,
                        partition=assigned.place.partition,
                        applied=kept,
                    )
                    assigned.consumer = None
                    self._partitions.changed.set()

    async def _look_at_ours(self) -> None:
        now = asyncio.get_running_loop().time()
        loaded = {
            assigned.place: assigned
            for assigned in self._partitions
            if assigned.consumer is not None and assigned.due is None
        }
        if not loaded:
            return
        ends = {
            place: Ends(begin, end, now - loaded[place].last_record)
            for place, (begin, end) in (await self._look.ends(loaded)).items()
        }
        wanted = {}
        for place, seen in ends.items():
            partition_consumer = loaded[place].consumer
            if partition_consumer is not None and (offset := partition_consumer.look_at(seen)) is not None:
                wanted[place] = offset
        records = await self._look.read(wanted)
        async with self._lock:
            for place, seen in ends.items():
                assigned = loaded[place]
                if (
                    assigned.consumer is None
                    or assigned.due is not None
                    or not self._partitions.current(assigned)
                ):
                    continue
                quiet = asyncio.get_running_loop().time() - assigned.last_record
                read_to = await self._partitions.position(assigned) if quiet >= KNOWN_SECONDS else None
                assigned.unread = read_to is None or read_to < seen.end
                seen_now = replace(seen, quiet_seconds=quiet, read_to=read_to)
                if assigned.consumer.looked(seen_now, records.get(place)):
                    await self._read_again(assigned)
                assigned.compared()
                if assigned.consumer is not None and seen_now.quiet_seconds >= KNOWN_SECONDS:
                    assigned.looked(time.time())

    async def _read_again(self, assigned: AssignedPartition[L]) -> None:
        _log.warning("topic_is_read_again", source=assigned.source, partition=assigned.place.partition)
        assigned.last_record = asyncio.get_running_loop().time()
        await self._partitions.search(assigned)

    async def _look_at_others(self) -> None:
        partitions = {assigned.place: assigned for assigned in self._partitions}
        flowing = {
            place
            for place, assigned in partitions.items()
            if assigned.consumer is not None and assigned.due is None
        }
        others = self._known() - flowing
        if not others:
            return
        ends = await self._look.ends(others)
        records = await self._look.read(
            {place: end - 1 for place, (begin, end) in ends.items() if end > begin}
        )
        for place, (_, end) in ends.items():
            newest = self._admission.newest(end, records.get(place))
            assigned = partitions.get(place)
            if assigned is not None and assigned.due is not None:
                if newest <= assigned.applied and assigned.read_to is not None:
                    newest = assigned.applied + max(
                        0, end - assigned.read_to
                    )  # the last record has no sequence
                assigned.seen_newest = newest
            if newest:
                self._others[self._admission.source(place.topic), place.partition] = newest

    def _note_level(self) -> None:
        """Since when the partitions of others have been behind, as far as the looks show it."""
        now = time.time()
        for key, newest in self._others.items():
            if newest <= self._kept.get(key, 0) or key not in self._level_at:
                self._level_at[key] = now
