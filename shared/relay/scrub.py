"""Reads the led partitions through, for a bounded time with each look, and remembers how far it came."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog
from aiokafka.errors import CorruptRecordException, OffsetOutOfRangeError, UnsupportedCodecError

from shared.relay.coverage import Coverage, begun, compared, read_on
from shared.relay.topic import Extent, Seen, Topic

READ_SECONDS: Final = 0.2
"""Of one look for all partitions: some 10,000 records. What comes faster is caught up with when there is less."""

UNREADABLE: Final = (CorruptRecordException, OffsetOutOfRangeError, UnsupportedCodecError)
"""Records that no try brings, and records that were deleted since the look. Whoever reads them is held, or goes on."""

logger = structlog.get_logger()


class Scrub:
    """What was read of each partition. It outlives clients and terms: the next record read shows whether it still holds."""

    def __init__(self) -> None:
        self._coverages: dict[int, Coverage] = {}
        self._turn = 0

    def missing(self, number: int, extent: Extent) -> int | None:
        """The first sequence that a partition lacks before its end, as of the last `advance`."""
        coverage = self._coverages.get(number)
        return coverage.missing if coverage is not None and coverage.holds(extent) else None

    def highest(self, number: int, extent: Extent) -> int:
        """The highest sequence that was read of a partition, as of the last `advance`; 0 if none was."""
        coverage = self._coverages.get(number)
        return coverage.highest if coverage is not None and coverage.holds(extent) else 0

    async def advance(self, topic: Topic, extents: Mapping[int, Extent]) -> dict[int, list[Seen]]:
        """Reads on in these partitions, each time beginning with another one; returns the records that it read.

        Raises what aiokafka raises, but for records that it cannot read.
        """
        read: dict[int, list[Seen]] = {}
        until = asyncio.get_running_loop().time() + READ_SECONDS
        numbers = sorted(extents)
        self._turn = (self._turn + 1) % max(1, len(numbers))
        for number in numbers[self._turn :] + numbers[: self._turn]:
            coverage = self._of(number, extents[number])
            try:
                coverage, read[number] = await _read(topic, number, extents[number], coverage, until)
            except UNREADABLE as error:
                logger.warning(
                    "relay_not_read_through", topic=topic.name, partition=number, error=type(error).__name__
                )
            if coverage is None:
                self._coverages.pop(number, None)
            else:
                self._coverages[number] = coverage
        return read

    def _of(self, number: int, extent: Extent) -> Coverage | None:
        coverage = self._coverages.get(number)
        return coverage if coverage is not None and coverage.holds(extent) else begun(extent)


async def _read(
    topic: Topic, number: int, extent: Extent, coverage: Coverage | None, until: float
) -> tuple[Coverage | None, list[Seen]]:
    records: list[Seen] = []
    if coverage is None:
        return None, records
    if not coverage.reaches_end(extent):
        if asyncio.get_running_loop().time() >= until:
            return coverage, records
        records = await topic.read_through(number, coverage.tail.offset, extent.end, until=until)
        if not records:
            return coverage, records
        found = read_on(coverage, records)
        if found is None:
            return None, records
        coverage = found
    return compared(coverage, extent), records
