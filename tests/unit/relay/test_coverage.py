"""Reading a partition through: what is dense, what is missing, and what became another one meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.relay.coverage import Coverage, begun, compared, read_on
from shared.relay.extent import Extent, FetchedRecords, TopicRecord, UnreadableRecord
from shared.relay.scrub import Scrub


def seen(offset: int, sequence: int | None, tag: str = "") -> TopicRecord:
    """A record; `tag` makes its hash another one."""
    return TopicRecord(offset, sequence, f"{sequence}{tag}".encode())


@dataclass
class Partition:
    """What a topic holds."""

    records: list[TopicRecord] = field(default_factory=list)
    begin: int = 0
    most: int = 1000
    pieces_read: int = 0
    unreadable_from: int | None = None
    name: str = "topic"

    def append(self, *sequences: int | None) -> None:
        """Somebody writes."""
        self.records += [seen(self.extent.end + n, sequence) for n, sequence in enumerate(sequences)]

    def lose_end(self, many: int) -> None:
        """Kafka loses the last records."""
        del self.records[len(self.records) - many :]

    @property
    def extent(self) -> Extent:
        """As a look sees it."""
        first, last = (self.records[0], self.records[-1]) if self.records else (None, None)
        events = [record for record in self.records if record.sequence is not None]
        inner = (events[0], events[-1]) if events else (None, None)
        return Extent(self.begin, self.begin + len(self.records), first, last, inner=inner)

    async def read_through(self, number: int, offset: int, end: int, *, until: float) -> FetchedRecords:
        """As `Topic` does it."""
        self.pieces_read += 1
        records = self.records[offset - self.begin : end - self.begin][: self.most]
        if self.unreadable_from is not None and offset + len(records) > self.unreadable_from:
            readable = [record for record in records if record.offset < self.unreadable_from]
            raise UnreadableRecord(FetchedRecords(readable, self.unreadable_from))
        return FetchedRecords(records, offset + len(records))


async def missing(scrub: Scrub, partition: Partition) -> int | None:
    """What the next look finds."""
    await scrub.advance(partition, {0: partition.extent})  # type: ignore[arg-type]
    scrub.keep()
    return scrub.missing(0, partition.extent)


def of(*sequences: int | None) -> Partition:
    """A partition that holds these."""
    partition = Partition()
    partition.append(*sequences)
    return partition


@pytest.mark.parametrize("most", [2, 3, 1000])
@pytest.mark.parametrize(
    ("sequences", "lacks"),
    [
        ((), None),
        ((1,), None),
        ((1, 2, 3), None),
        ((1, 2, 3, 2, 3, 4), None),
        ((1, 2, None, 3), None),
        ((1, 5, 2, 3, 4, 5), 2),  # a late batch of the leader before, in the middle of a refill
        ((1, 2, 9, 3, 4), 3),
        ((1, 2, 2, 1, 3, 2, 4), None),
        ((1, 2, 3, 7, 8), 4),
        ((1, 2, 3, 1, 2, 7, 8), 4),
        ((1, 2, None, 4), 3),
        ((2, 3), 1),
    ],
)
async def test_the_first_sequence_that_does_not_come_is_missing(
    sequences: tuple[int | None, ...], lacks: int | None, most: int
) -> None:
    partition, scrub = of(*sequences), Scrub()
    partition.most = most
    found = [await missing(scrub, partition) for _ in sequences or (1,)]
    assert found[-1] == lacks


async def test_a_sequence_that_others_come_before_is_missing_as_soon_as_they_are_read() -> None:
    partition, scrub = of(*range(1, 250), *range(251, 300)), Scrub()
    partition.most = 100
    assert [await missing(scrub, partition) for _ in range(4)] == [None, None, 250, 250]


async def test_a_sequence_that_comes_after_later_ones_is_still_missing_from_its_place() -> None:
    partition, scrub = of(1, 2, 3, 5), Scrub()
    assert await missing(scrub, partition) == 4
    partition.append(4, 5)
    assert await missing(scrub, partition) == 4
    refilled = of(1, 2, 3, 4, 5)
    refilled.begin = 6
    refilled.records = [seen(6 + n, n + 1) for n in range(5)]
    assert await missing(scrub, refilled) is None


@pytest.mark.parametrize("most", [2, 1000])
@pytest.mark.parametrize(
    ("sequences", "highest"), [((1,), 1), ((3, 1), 3), ((1, 5, 2, 3), 5), ((1, 2, 3, None, 1), 3)]
)
async def test_the_highest_sequence_is_known_wherever_it_is(
    sequences: tuple[int | None, ...], highest: int, most: int
) -> None:
    partition, scrub = of(*sequences), Scrub()
    partition.most = most
    for _ in sequences:
        await missing(scrub, partition)
    found = scrub.highest(0, partition.extent)
    assert found is not None
    assert found.sequence == highest
    partition.begin += 1
    assert scrub.highest(0, partition.extent) is None, "it is another partition now"


async def test_what_was_read_is_kept_while_others_lead_or_nothing_can_be_read() -> None:
    partition, scrub = of(1, 2, 3), Scrub()
    await missing(scrub, partition)
    before = partition.pieces_read
    await scrub.advance(partition, {})  # type: ignore[arg-type]
    partition.append(4)
    partition.unreadable_from = 2
    assert await missing(scrub, partition) is None
    partition.unreadable_from = None
    partition.append(6)
    assert await missing(scrub, partition) == 5
    assert partition.pieces_read == before + 2


async def test_an_end_that_was_lost_and_written_over_by_as_many_repeats_is_found() -> None:
    partition, scrub = of(1, 2, 3, 4, 5), Scrub()
    assert await missing(scrub, partition) is None
    partition.append(6, 7)
    partition.lose_end(3)
    partition.append(1, 2, 3, 8, 9)
    assert await missing(scrub, partition) is None, "it sees that this is not what it had read"
    assert await missing(scrub, partition) == 5


async def test_an_end_that_was_written_over_without_anything_after_it_is_read_anew() -> None:
    partition, scrub = of(1, 2, 3, 4, 5), Scrub()
    await missing(scrub, partition)
    partition.lose_end(2)
    partition.append(1, 2)
    assert await missing(scrub, partition) is None
    partition.append(6)
    assert await missing(scrub, partition) == 4


async def test_a_partition_that_was_deleted_and_filled_again_lacks_nothing() -> None:
    partition, scrub = of(1, 2, 4), Scrub()
    assert await missing(scrub, partition) == 3
    partition.begin, partition.records = 3, []
    assert scrub.missing(0, partition.extent) is None
    partition.append(1, 2, 3, 4)
    assert await missing(scrub, partition) is None


async def test_what_was_read_is_not_read_again() -> None:
    partition, scrub = of(1, 2, 3), Scrub()
    await missing(scrub, partition)
    before = partition.pieces_read
    await missing(scrub, partition)
    assert partition.pieces_read == before
    partition.append(4)
    await missing(scrub, partition)
    assert partition.pieces_read == before + 1


async def read(scrub: Scrub, partition: Partition) -> list[int]:
    """The offsets that the next look reads."""
    found = await scrub.advance(partition, {0: partition.extent})  # type: ignore[arg-type]
    return [record.offset for record in found[0]]


async def test_what_was_not_compared_is_read_again() -> None:
    partition, scrub = of(1, 2, 3, 4), Scrub()
    partition.most = 2
    assert await read(scrub, partition) == [0, 1]
    assert await read(scrub, partition) == [0, 1], "the comparison failed"
    scrub.keep()
    assert await read(scrub, partition) == [1, 2]


async def test_a_record_that_cannot_be_read_is_shown_behind_those_before_it() -> None:
    partition, scrub = of(1, 2, 3, 4), Scrub()
    partition.unreadable_from = 2
    found = await scrub.advance(partition, {0: partition.extent})  # type: ignore[arg-type]
    assert found[0] == [*partition.records[:2], TopicRecord(2, None, b"")]
    scrub.keep()
    assert await read(scrub, partition) == [1, 2], "as long as it is there"
    partition.unreadable_from = None
    assert await read(scrub, partition) == [1, 2, 3]


async def test_markers_behind_the_last_record_are_read_once() -> None:
    partition, scrub = of(1, 2, 4), Scrub()

    class WithMarkers(Partition):
        """Two offsets at the end hold no record."""

        @property
        def extent(self) -> Extent:
            return replace(super().extent, end=5)

        async def read_through(self, number: int, offset: int, end: int, *, until: float) -> FetchedRecords:
            return replace(await super().read_through(number, offset, end, until=until), next_offset=end)

    marked = WithMarkers(partition.records)
    assert await missing(scrub, marked) == 3, "the end was reached"
    before = marked.pieces_read
    assert await missing(scrub, marked) == 3
    assert marked.pieces_read == before


@given(st.lists(st.one_of(st.none(), st.integers(1, 9)), max_size=30), st.integers(2, 7))
def test_whatever_is_read_through_without_a_missing_one_holds_all_up_to_its_last(
    sequences: list[int | None], size: int
) -> None:
    records: Sequence[TopicRecord] = [seen(offset, sequence) for offset, sequence in enumerate(sequences)]
    extent = of(*sequences).extent
    coverage: Coverage | None = begun(extent)
    while coverage is not None and not coverage.reaches_end(extent):
        piece = records[coverage.tail.offset :][:size]
        coverage = read_on(coverage, piece, piece[-1].offset + 1)
    if coverage is None:
        assert not records
        return
    last = sequences[-1]
    if compared(coverage, extent).missing is None and last is not None:
        assert set(range(1, last + 1)) <= set(sequences)
