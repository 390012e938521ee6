"""How far a partition of the topic was read through, and the first sequence that it lacks. Pure.

First and last record say nothing of the middle: Kafka can lose the end of a partition while somebody else
writes there, and then the relay goes on behind the hole. So the leader also reads through what was published,
a piece with every look. What was lost afterwards is known by the last record of the piece before: whoever
loses an end loses the record that was last at the time, or one before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.relay.extent import Extent, TopicRecord


@dataclass(frozen=True, slots=True)
class Coverage:
    """The offsets `begin` <= o < `end` hold the sequences 1 to `sequence`, each after the one before.

    `tail` is the last record below `end`; markers of transactions may stand behind it.
    `missing` is the first sequence that does not come in its place, or None: another one comes before it, or the
    partition ends without it. What follows `misplaced` does not make up for it, because readers meet the gap first.
    `highest` is the event with the highest sequence that was read, in its place or not.
    """

    begin: int
    tail: TopicRecord
    end: int
    sequence: int
    missing: int | None = None
    misplaced: bool = False
    highest: TopicRecord | None = None

    def holds(self, extent: Extent) -> bool:
        """Whether the partition may still be the one that was read. The next piece will tell for sure."""
        if self.begin != extent.begin or self.end > extent.end:
            return False
        return self.end < extent.end or self.tail == extent.last

    def reaches_end(self, extent: Extent) -> bool:
        """Whether nothing is left to read."""
        return self.end >= extent.end


def begun(extent: Extent) -> Coverage | None:
    """What the first record alone tells; None of an empty partition."""
    if extent.first is None:
        return None
    sequence = extent.first.sequence
    end = extent.first.offset + 1
    highest = None if sequence is None else extent.first
    return Coverage(extent.begin, extent.first, end, 1 if sequence == 1 else 0, highest=highest)


def read_on(coverage: Coverage, records: Sequence[TopicRecord], end: int) -> Coverage | None:
    """After the records from `coverage.tail` on, itself included, below `end`. None if it has become another one."""
    if not records or records[0] != coverage.tail:
        return None
    sequence, highest = coverage.sequence, coverage.highest
    missing = coverage.missing if coverage.misplaced else None
    for record in records[1:]:
        if record.sequence is None:
            continue
        if highest is None or highest.sequence is None or record.sequence > highest.sequence:
            highest = record
        if record.sequence == sequence + 1:
            sequence += 1
        elif record.sequence > sequence and missing is None:
            missing = sequence + 1
    return replace(
        coverage,
        tail=records[-1],
        end=end,
        sequence=sequence,
        missing=missing,
        misplaced=missing is not None,
        highest=highest,
    )


def compared(coverage: Coverage, extent: Extent) -> Coverage:
    """With the sequence that is missing, if the end was reached without it."""
    last = extent.newest.sequence if extent.newest is not None else None
    if coverage.misplaced or last is None or last <= coverage.sequence or not coverage.reaches_end(extent):
        return coverage
    return replace(coverage, missing=coverage.sequence + 1)
