"""The highest sequence of a partition whose last record repeats an earlier one.

A late batch of an earlier leader may come after newer events: `1 2 3 1`. Then the last record does not show that the
topic is ahead of a log whose database was restored to `1`. While every record follows the ones before it, a sequence
higher than the last record's is among the last `surplus` records: up to its first occurrence there are at least as
many records as its number, so fewer than `surplus` can follow. Only those are read, and only before a gate is opened.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from shared.relay.extent import Extent, TopicRecord
from shared.relay.topic import Topic

READ_SECONDS: Final = 2.0
"""For all partitions of one health check; the next one continues."""
PIECE_RECORDS: Final = 10_000


@dataclass(slots=True)
class _Progress:
    begin: int
    first_offset: int
    next_offset: int
    highest: TopicRecord | None

    def continues(self, extent: Extent, first: int) -> bool:
        """Whether what was read is still there, and what has to be read begins in it or right behind it.

        Between two checks the gate may have been open, and the partition may have grown by millions of records.
        """
        return (
            self.begin == extent.begin
            and self.first_offset <= first <= self.next_offset
            and self.next_offset <= extent.end
        )


def surplus(extent: Extent) -> int:
    """How many records the partition holds beyond those that its last sequence accounts for."""
    if extent.newest is None or extent.newest.sequence is None:
        return 0
    return max(0, extent.end - extent.begin - extent.newest.sequence)


class TailReader:
    """Reads the surplus of partitions, and remembers how far it has come."""

    def __init__(self) -> None:
        self._progress: dict[int, _Progress] = {}

    async def read(self, topic: Topic, extents: Mapping[int, Extent]) -> dict[int, Extent] | None:
        """The extents with their highest record; None if there was not time enough. Raises what aiokafka raises."""
        until = asyncio.get_running_loop().time() + READ_SECONDS
        found = {}
        for number, extent in extents.items():
            first = extent.end - surplus(extent)
            progress = self._progress.get(number)
            if progress is None or not progress.continues(extent, first):
                progress = self._progress[number] = _Progress(extent.begin, first, first, None)
            while progress.next_offset < extent.end:
                if asyncio.get_running_loop().time() >= until:
                    return None
                end = min(extent.end, progress.next_offset + PIECE_RECORDS)
                piece = await topic.read_through(number, progress.next_offset, end, until=until)
                if piece.next_offset == progress.next_offset:
                    return None
                progress.next_offset = piece.next_offset
                numbered = [record for record in piece.records if record.sequence is not None]
                for record in (progress.highest, *numbered):
                    if record is not None and _sequence(record) >= _sequence(progress.highest):
                        progress.highest = record
            found[number] = replace(extent, highest=progress.highest)
        return found


def _sequence(record: TopicRecord | None) -> int:
    return -1 if record is None or record.sequence is None else record.sequence
