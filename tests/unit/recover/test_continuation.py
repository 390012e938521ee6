"""What continues a log on its topic: past records that are no events of it, and never past a fork or a gap."""

from collections.abc import AsyncGenerator, Sequence
from typing import cast

import pytest
from aiokafka.structs import ConsumerRecord

from shared.contracts.envelope import NO_HASH, leaf_hash
from shared.errors import Fork, Gap, Held
from shared.inbox.positions import Position
from shared.kafka.clients import Records
from shared.recover.continuation import NO_EVENT, Standing, continuation
from shared.recover.foreign import ForeignRecords
from shared.recover.reading import TopicReader
from tests.integration.inbox.adder import chain

EVENTS = chain(6)
ANOTHER_LOG = EVENTS[0].replace(b"intake-00-", b"intake-01-")
GARBAGE = (b"garbage", b"", b"\xff\xfe", ANOTHER_LOG)


class Topic:
    """A partition as a `TopicReader` reads it; its last `markers` offsets hold no record."""

    def __init__(self, values: Sequence[bytes | None], batch: int = 2, markers: int = 0) -> None:
        self._records: list[ConsumerRecord[bytes, bytes]] = [
            ConsumerRecord("t", 0, offset, 1, 0, None, value, None, 0, 0, ())
            for offset, value in enumerate(values)
        ]
        self._batch = batch
        self._markers = markers

    async def extent(self, topic: str, partition: int) -> tuple[int, int]:
        return 0, len(self._records) + self._markers

    async def batches(self, topic: str, partition: int, start: int, end: int) -> AsyncGenerator[Records]:
        for first in range(0, len(self._records), self._batch):
            yield self._records[first : first + self._batch]


async def read(topic: Topic, last: int = 0) -> tuple[list[int], ForeignRecords, Held | None]:
    standing = Standing(Position(last, leaf_hash(EVENTS[last - 1]) if last else NO_HASH))
    foreign, found = ForeignRecords(), list[int]()
    reader = cast("TopicReader", topic)
    try:
        async for slice_ in continuation(reader, "intake", "t", 0, standing, foreign):
            found += [record.sequence for record in slice_.records]
            standing.position = slice_.reached
    except Held as held:
        return found, foreign, held
    return found, foreign, None


@pytest.mark.parametrize("batch", [1, 2, 100])
@pytest.mark.parametrize("last", [0, 3])
async def test_events_behind_foreign_records_are_found_and_these_are_listed(batch: int, last: int) -> None:
    values = [GARBAGE[0], *EVENTS[:2], GARBAGE[1], GARBAGE[2], *EVENTS[2:], GARBAGE[3]]
    found, foreign, held = await read(Topic(values, batch), last)
    assert held is None
    assert found == list(range(last + 1, 7))
    assert foreign.counts == {("t", NO_EVENT): 4}


@pytest.mark.parametrize("behind", [(), (GARBAGE[0],), (GARBAGE[0], GARBAGE[3])])
@pytest.mark.parametrize("markers", [0, 1])
async def test_a_gap_is_found_whatever_stands_at_the_end(behind: Sequence[bytes], markers: int) -> None:
    _, _, held = await read(Topic([*EVENTS[:2], *EVENTS[3:], *behind], markers=markers))
    assert isinstance(held, Gap)
    assert held.sequence == 3


async def test_an_event_of_the_log_that_does_not_continue_the_chain_stays_a_fork() -> None:
    forged = EVENTS[2].replace(leaf_hash(EVENTS[1]).hex().encode(), b"0" * 64)
    found, _, held = await read(Topic([*EVENTS[:2], GARBAGE[0], forged, *EVENTS[2:]]))
    assert found == [1, 2]
    assert isinstance(held, Fork)
