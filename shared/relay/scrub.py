"""Reads the led partitions through, a bounded piece with each look, and remembers how far it came."""

from collections.abc import Mapping
from typing import Final

from shared.relay.coverage import Coverage, begun, compared, read_on
from shared.relay.topic import Extent, Topic

ENOUGH_RECORDS: Final = 300
"""Of a partition in one look, and the rest of the batch in which the last of them lies."""


class Scrub:
    """What was read of each partition. It outlives clients and terms: a piece shows whether it still holds."""

    def __init__(self) -> None:
        self._coverages: dict[int, Coverage] = {}

    def missing(self, number: int, extent: Extent) -> int | None:
        """The first sequence that a partition lacks before its end, as of the last `advance`."""
        coverage = self._coverages.get(number)
        return coverage.missing if coverage is not None and coverage.holds(extent) else None

    async def advance(self, topic: Topic, extents: Mapping[int, Extent]) -> None:
        """Reads on in these partitions, and forgets the others. Raises what aiokafka raises."""
        self._coverages = {
            number: coverage
            for number, extent in extents.items()
            if (coverage := self._of(number, extent)) is not None
        }
        for number, extent in extents.items():
            await self._read(topic, number, extent)

    def _of(self, number: int, extent: Extent) -> Coverage | None:
        coverage = self._coverages.get(number)
        return coverage if coverage is not None and coverage.holds(extent) else begun(extent)

    async def _read(self, topic: Topic, number: int, extent: Extent) -> None:
        coverage = self._coverages.get(number)
        if coverage is None:
            return
        if not coverage.reaches_end(extent):
            records = await topic.read_through(
                number, coverage.tail.offset, extent.end, enough=ENOUGH_RECORDS
            )
            if not records:
                return
            coverage = read_on(coverage, records)
        if coverage is None:
            del self._coverages[number]
        else:
            self._coverages[number] = compared(coverage, extent)
