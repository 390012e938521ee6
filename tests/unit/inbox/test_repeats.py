"""Repeats are compared with what was applied: the same event is skipped, another one is a fork."""

from collections.abc import Collection, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.envelope import leaf_hash
from shared.errors import Fork
from shared.inbox.log_policy import LogPolicy
from shared.inbox.positions import Slice
from shared.inbox.topic_policy import Admitted
from tests.integration.inbox.adder import Sum, chain
from tests.unit.inbox.test_log_partition_consumer import EVENTS, consumer_at, records, sequences

FORGED = chain(12, start="forged")
HASHES = {sequence: leaf_hash(value) for sequence, value in enumerate(EVENTS, 1)}


def admission(kept_from: int = 1) -> LogPolicy[Sum]:
    """Of a service that keeps the hashes from that sequence on."""

    async def load(source: str, partition: int) -> Sum:
        raise AssertionError("nothing is loaded here")

    async def apply(slices: Any) -> None:
        raise AssertionError("nothing is applied here")

    async def hashes(source: str, partition: int, sequences: Collection[int]) -> Mapping[int, bytes]:
        assert (source, partition) == ("intake", 0)
        return {one: HASHES[one] for one in sequences if one >= kept_from}

    pool: Any = None
    return LogPolicy({"intake": "t"}, load, apply, hashes, pool, stall_seconds=5)


async def admitted_at(position: int, values: list[bytes], *, kept_from: int = 1) -> Admitted[Slice[Sum]]:
    partition_consumer = consumer_at(position)
    found = partition_consumer.admit(records(values), len(values))
    return await admission(kept_from).compare(partition_consumer, found) if found.repeats else found


def fork_of(admitted: Admitted[Slice[Sum]]) -> tuple[int, int | None]:
    assert admitted.fault is not None
    assert isinstance(admitted.fault.held, Fork)
    return admitted.fault.held.sequence, admitted.fault.offset


async def test_another_event_at_an_applied_sequence_is_a_fork_that_names_both_hashes() -> None:
    admitted = await admitted_at(6, [EVENTS[1], FORGED[2], EVENTS[3]])
    assert fork_of(admitted) == (3, 1)
    assert admitted.slice is None
    assert admitted.fault is not None
    assert leaf_hash(FORGED[2]).hex() in admitted.fault.held.reason
    assert f"{HASHES[3].hex()} was applied" in admitted.fault.held.reason


async def test_what_stands_before_a_fork_is_applied_and_nothing_behind_it() -> None:
    admitted = await admitted_at(4, [EVENTS[4], EVENTS[5], FORGED[1], EVENTS[6]])
    assert sequences(admitted) == [5, 6]
    assert fork_of(admitted) == (2, 2)


async def test_an_event_of_the_same_batch_is_compared_too() -> None:
    admitted = await admitted_at(2, [EVENTS[2], EVENTS[3], EVENTS[4], FORGED[3], EVENTS[5]])
    assert sequences(admitted) == [3, 4, 5]
    assert fork_of(admitted) == (4, 3)


async def test_what_the_service_keeps_no_more_is_skipped_as_before() -> None:
    admitted = await admitted_at(8, [FORGED[1], EVENTS[8]], kept_from=5)
    assert (sequences(admitted), admitted.fault) == ([9], None)


@pytest.mark.parametrize("position", [1, 5, 12])
async def test_true_repeats_are_skipped(position: int) -> None:
    admitted = await admitted_at(position, [*EVENTS[:position], *EVENTS[:position]])
    assert (admitted.slice, admitted.fault) == (None, None)


@given(
    position=st.integers(0, 10),
    order=st.lists(st.integers(1, 12), max_size=12),
    forged=st.integers(1, 12),
    at=st.integers(0, 12),
)
async def test_a_forged_repeat_is_never_skipped(
    position: int, order: list[int], forged: int, at: int
) -> None:
    values = [EVENTS[sequence - 1] for sequence in order]
    at = min(at, len(values))
    before: Admitted[Slice[Sum]] = Admitted(None, None)
    if at:
        before = await admitted_at(position, values[:at])
    reached = position + len(sequences(before))
    admitted = await admitted_at(position, [*values[:at], FORGED[forged - 1], *values[at:]])
    if before.fault is not None:
        assert admitted.fault is not None
        assert (str(admitted.fault.held), admitted.fault.offset) == (
            str(before.fault.held),
            before.fault.offset,
        )
    elif forged <= reached:
        assert fork_of(admitted) == (forged, at)
        assert sequences(admitted) == sequences(before)
