"""A late repeat at the end of a partition does not hide that the topic is ahead of the log."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.relay import tail
from shared.relay.diagnosis import Disagreement, LogView, diagnose
from shared.relay.extent import Extent, FetchedRecords, TopicRecord
from shared.relay.leadership import Standing
from shared.relay.tail import TailReader, surplus


@dataclass
class Partition:
    """A topic with one partition, which counts what is read of it."""

    sequences: Sequence[int | None]
    begin: int = 0
    most: int = 1000
    read: int = 0

    @property
    def records(self) -> list[TopicRecord]:
        return [TopicRecord(self.begin + n, seq, b"%d" % (seq or 0)) for n, seq in enumerate(self.sequences)]

    @property
    def extent(self) -> Extent:
        records = self.records
        events = [record for record in records if record.sequence is not None]
        return Extent(
            self.begin,
            self.begin + len(records),
            records[0] if records else None,
            records[-1] if records else None,
            inner=(events[0], events[-1]) if events else (None, None),
        )

    async def read_through(self, number: int, offset: int, end: int, *, until: float) -> FetchedRecords:
        found = self.records[offset - self.begin : end - self.begin][: self.most]
        self.read += len(found)
        return FetchedRecords(found, offset + len(found))


async def highest(partition: Partition, reader: TailReader | None = None) -> int | None:
    found = await (reader or TailReader()).read(partition, {0: partition.extent})  # type: ignore[arg-type]
    assert found is not None
    record = found[0].highest
    return None if record is None else record.sequence


@pytest.mark.parametrize("begin", [0, 40])
@pytest.mark.parametrize(
    ("sequences", "expected", "read"),
    [
        ([], None, 0),
        ([1, 2, 3], None, 0),
        ([1, 2, 1], 2, 2),
        ([1, 2, 3, 4, 5, 1, 2], 5, 5),
        ([1, 2, 3, 3], 3, 1),
        ([1, 2, None, 3], 3, 1),
        ([1, 2, 3, None], None, 1),
        ([None, 1, 2, 3, 1, None], 3, 5),
    ],
)
async def test_the_surplus_alone_is_read(
    begin: int, sequences: list[int | None], expected: int | None, read: int
) -> None:
    partition = Partition(sequences, begin)
    assert await highest(partition) == expected
    assert partition.read == read


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), min_size=1, max_size=8))
async def test_no_sequence_is_higher_than_the_one_that_is_found(steps: list[tuple[int, int]]) -> None:
    """Batches that each begin at most one after the highest sequence so far: late, repeated, or the next."""
    reached, sequences = 0, list[int]()
    for count, back in steps:
        first = max(1, reached + 1 - 3 * back)
        sequences += range(first, first + count)
        reached = max(reached, sequences[-1])
    found = await highest(Partition(sequences, most=2))
    assert max(found or 0, sequences[-1]) == reached
    assert surplus(Partition(sequences).extent) == len(sequences) - sequences[-1]


async def test_what_was_read_is_not_read_again_and_a_new_topic_is() -> None:
    reader, partition = TailReader(), Partition([1, 2, 3, 1])
    assert await highest(partition, reader) == 3
    assert partition.read == 3
    partition.sequences = [1, 2, 3, 1, 2]
    assert await highest(partition, reader) == 3
    assert partition.read == 4
    partition.sequences = [1, 2, 3, 1, 2, 1]
    assert await highest(partition, reader) == 3
    partition.begin, partition.sequences = 5, [1, 2, 1]
    assert await highest(partition, reader) == 2


async def test_what_was_published_since_the_last_check_is_not_read() -> None:
    reader, partition = TailReader(), Partition([1, 2, 3, 1])
    assert await highest(partition, reader) == 3
    partition.sequences = [1, 2, 3, 1, *range(2, 100)]
    assert await highest(partition, reader) == 99
    assert partition.read == 3 + surplus(partition.extent) == 6


async def test_a_repeat_that_comes_between_two_checks_is_looked_behind() -> None:
    reader, partition = TailReader(), Partition([1, 2])
    assert await highest(partition, reader) is None
    partition.sequences = [1, 2, 1]
    assert await highest(partition, reader) == 2


async def test_without_time_enough_nothing_is_found_and_the_next_check_continues(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, partition = TailReader(), Partition([1, 2, 3, 1])
    monkeypatch.setattr(tail, "READ_SECONDS", 0.0)
    assert await reader.read(partition, {0: partition.extent}) is None  # type: ignore[arg-type]
    monkeypatch.undo()
    assert await highest(partition, reader) == 3


async def test_a_log_that_was_set_back_is_recognised_behind_a_late_repeat() -> None:
    partition = Partition([1, 2, 1])
    extents = await TailReader().read(partition, {0: partition.extent})  # type: ignore[arg-type]
    assert extents is not None
    verdict = diagnose(0, extents[0], LogView({0: Standing(1, 1)}, {(0, 1): b"1"}))
    assert isinstance(verdict, Disagreement)
    assert "holds sequence 2, but the log ends at 1" in verdict.reason
