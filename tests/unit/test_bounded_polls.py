"""How much one poll inflates before anything else runs: over all partitions, and of what is skipped as well."""

import asyncio
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher

from shared.kafka.bounded_batches import INFLATED_BYTES, TURN_INFLATED_BYTES, Turn
from shared.kafka.header_names import PatientRecords
from tests.unit.record_batches import batch, bomb, zeros

BOMBS = 200
AT_ONCE = TURN_INFLATED_BYTES // INFLATED_BYTES


class Fetched:
    """Partitions with what was fetched of them, polled as aiokafka polls: what is not read is fetched again."""

    def __init__(self, *logs: list[bytes]) -> None:
        self._logs = logs
        self._turn = Turn()
        self.positions = [0] * len(logs)

    def poll(self) -> list[int]:
        """How many records of each partition one poll brings."""
        return [self._read(number) for number in range(len(self._logs))]

    def _read(self, partition: int) -> int:
        position = self.positions[partition]
        if position == len(self._logs[partition]):
            return 0
        records: Any = PatientRecords(b"".join(self._logs[partition][position:]), self._turn)
        assert records.has_next(), "a fetch without a batch is passed over as a record that is too large"
        unpacked = fetcher.PartitionRecords(
            TopicPartition("t", partition),
            records,
            None,
            position,
            None,
            None,
            False,
            fetcher.READ_UNCOMMITTED,
        )
        found = sum(1 for _ in unpacked)
        self.positions[partition] = unpacked.next_fetch_offset
        return found


async def test_many_small_bombs_are_inflated_a_few_at_a_time() -> None:
    payload = zeros(4, INFLATED_BYTES + 1)
    fetched = Fetched([bomb(4, payload, base) for base in range(BOMBS)])
    polls = []
    while fetched.positions != [BOMBS]:
        polls += fetched.poll()
        await asyncio.sleep(0)
    assert polls == [AT_ONCE] * (BOMBS // AT_ONCE)


async def test_a_poll_over_all_partitions_has_one_bound_and_each_has_its_turn() -> None:
    payload = zeros(4, INFLATED_BYTES + 1)
    bombs = [bomb(4, payload, base) for base in range(AT_ONCE)]
    fetched = Fetched(bombs, [batch([b"one"], 4), *bombs[1:]], [batch([b"plain"], 0)])
    assert fetched.poll() == [AT_ONCE, 0, 1], "what is not compressed does not wait"
    assert fetched.poll() == [0, 0, 0], "nothing ran in between"
    await asyncio.sleep(0)
    assert fetched.poll() == [0, AT_ONCE, 0]


async def test_what_is_taken_apart_counts_as_well() -> None:
    large = [batch([b"x" * 900_000], 4, base) for base in range(2)]
    fetched = Fetched(*[large] * 30)
    found = fetched.poll()
    assert sum(found) == TURN_INFLATED_BYTES // 900_000 + 1
    await asyncio.sleep(0)
    assert sum(fetched.poll()) > 0


def test_another_event_loop_begins_a_turn_of_its_own() -> None:
    turn = Turn(limit=10)

    async def spend() -> bool:
        before = turn.is_over
        turn.spend(10)
        assert turn.is_over
        return before

    loops = [asyncio.new_event_loop() for _ in range(2)]
    try:
        # The first loop is left before it ends the turn.
        assert [loop.run_until_complete(spend()) for loop in loops] == [False, False]
    finally:
        for loop in loops:
            loop.close()
