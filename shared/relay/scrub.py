"""Reads the led partitions through, for a bounded time with each look, and remembers how far it came.

What was read counts once it was also compared with the log: `advance`, compare, `keep`. Otherwise it is read again.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog
from aiokafka.errors import OffsetOutOfRangeError

from shared.relay.coverage import Coverage, begun, compared, read_on
from shared.relay.extent import Extent, TopicRecord, UnreadableRecord
from shared.relay.topic import Topic

READ_SECONDS: Final = 0.2
"""Of one look for all partitions: some 10,000 records. What comes faster is caught up with when there is less."""

logger = structlog.get_logger()


class Scrub:
    """What was read of each partition. It outlives clients and terms: the next record read shows whether it still holds."""

    def __init__(self) -> None:
        self._coverages: dict[int, Coverage] = {}
        self._kept: dict[int, Coverage] = {}
        self._turn = 0

    def missing(self, number: int, extent: Extent) -> int | None:
        """The first sequence that a partition lacks before its end, as of the last `advance`."""
        coverage = self._coverages.get(number)
        return coverage.missing if coverage is not None and coverage.holds(extent) else None

    def highest(self, number: int, extent: Extent) -> TopicRecord | None:
        """The event with the highest sequence that was read of a partition, as of the last `advance`."""
        coverage = self._coverages.get(number)
        return coverage.highest if coverage is not None and coverage.holds(extent) else None

    async def advance(self, topic: Topic, extents: Mapping[int, Extent]) -> dict[int, list[TopicRecord]]:
        """Reads on in these partitions, each time beginning with another one; returns the records that it read.

        It begins where the last records that were kept end. A record that cannot be read ends a partition's records, as
        one without a hash. Raises what aiokafka raises.
        """
        read: dict[int, list[TopicRecord]] = {}
        self._coverages = dict(self._kept)
        until = asyncio.get_running_loop().time() + READ_SECONDS
        numbers = sorted(extents)
        self._turn = (self._turn + 1) % max(1, len(numbers))
        for number in numbers[self._turn :] + numbers[: self._turn]:
            coverage = self._of(number, extents[number])
            try:
                coverage, read[number] = await _read(topic, number, extents[number], coverage, until)
            except OffsetOutOfRangeError:
                logger.warning(
                    "relay_not_read_through", topic=topic.name, partition=number
                )  # deleted meanwhile
            if coverage is None:
                self._coverages.pop(number, None)
            else:
                self._coverages[number] = coverage
        return read

    def keep(self) -> None:
        """What `advance` read was compared."""
        self._kept = dict(self._coverages)

    def _of(self, number: int, extent: Extent) -> Coverage | None:
        coverage = self._coverages.get(number)
        return coverage if coverage is not None and coverage.holds(extent) else begun(extent)


async def _read(
    topic: Topic, number: int, extent: Extent, coverage: Coverage | None, until: float
) -> tuple[Coverage | None, list[TopicRecord]]:
    if coverage is None:
        return None, []
    if coverage.reaches_end(extent):
        return compared(coverage, extent), []
    if asyncio.get_running_loop().time() >= until:
        return coverage, []
    unreadable: list[TopicRecord] = []
    try:
        piece = await topic.read_through(number, coverage.tail.offset, extent.end, until=until)
    except UnreadableRecord as error:
        piece, unreadable = error.piece, [error.seen]
    if not piece.records:
        return coverage, unreadable
    found = read_on(coverage, piece.records, piece.next_offset)
    return None if found is None else compared(found, extent), piece.records + unreadable
