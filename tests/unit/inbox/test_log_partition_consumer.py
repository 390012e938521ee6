"""TopicPolicy on the internal logs: given a position and records, which are applied, and what stands behind them."""

import random
from collections.abc import Sequence

import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.envelope import leaf_hash
from shared.errors import Fork, Gap, Unapplicable
from shared.inbox.log_partition_consumer import LogPartitionConsumer
from shared.inbox.positions import Position, Slice
from shared.inbox.topic_policy import Admitted, Ends
from tests.integration.inbox.adder import Sum, chain

EVENTS = chain(12)


def record(
    value: bytes | None, offset: int, traceparent: bytes | None = None
) -> "ConsumerRecord[bytes, bytes]":
    headers = () if traceparent is None else (("traceparent", traceparent),)
    return ConsumerRecord("t", 0, offset, 1, 0, None, value, None, 0, 0, headers)


def records(values: Sequence[bytes], start: int = 0) -> "list[ConsumerRecord[bytes, bytes]]":
    return [record(value, start + index) for index, value in enumerate(values)]


def consumer_at(sequence: int, events: Sequence[bytes] = EVENTS) -> LogPartitionConsumer[Sum]:
    digest = leaf_hash(events[sequence - 1]) if sequence else bytes(32)
    return LogPartitionConsumer("intake", "t", 0, Sum(Position(sequence, digest), 0), stall_seconds=5)


def sequences(admitted: Admitted[Slice[Sum]]) -> list[int]:
    return [] if admitted.slice is None else [item.sequence for item in admitted.slice.records]


def nothing_from(admitted: Admitted[Slice[Sum]]) -> bool:
    return (admitted.slice, admitted.fault) == (None, None)


def test_the_next_events_are_admitted_and_those_before_them_passed_over() -> None:
    admitted = consumer_at(3).admit(records(EVENTS[1:7]), 6)
    assert sequences(admitted) == [4, 5, 6, 7]
    assert admitted.fault is None
    assert admitted.slice is not None
    assert admitted.slice.reached == Position(7, leaf_hash(EVENTS[6]))


def test_a_gap_is_searched_from_the_beginning() -> None:
    admitted = consumer_at(0).admit(records(EVENTS[:2] + EVENTS[5:7]), 4)
    assert sequences(admitted) == [1, 2]
    assert admitted.fault is not None
    assert (type(admitted.fault.held), admitted.fault.held.sequence) == (Gap, 3)
    assert (admitted.fault.offset, admitted.fault.search) == (2, True)


def test_a_gap_that_the_search_did_not_fill_is_held() -> None:
    partition_consumer = consumer_at(2)
    partition_consumer.search()
    admitted = partition_consumer.admit(records(EVENTS[:2] + EVENTS[5:7]), 4)
    assert admitted.slice is None
    assert admitted.fault is not None
    assert (type(admitted.fault.held), admitted.fault.held.sequence, admitted.fault.search) == (Gap, 3, False)
    assert not partition_consumer.searching


def test_a_search_goes_on_until_the_end_that_the_topic_had_when_it_began() -> None:
    partition_consumer = consumer_at(2)
    partition_consumer.search()
    assert nothing_from(partition_consumer.admit(records(EVENTS[:2]), 9))
    assert nothing_from(partition_consumer.admit(records(EVENTS[5:9], 2), 20))
    assert sequences(partition_consumer.admit(records(EVENTS[2:4], 6), 20)) == [3, 4]
    assert partition_consumer.searching
    admitted = partition_consumer.admit([record(EVENTS[0], 8)], 20)
    assert admitted.fault is not None
    assert admitted.fault.search
    assert not partition_consumer.searching


def test_a_search_that_finds_nothing_beyond_ends_without_an_alarm() -> None:
    partition_consumer = consumer_at(4)
    partition_consumer.search()
    assert nothing_from(partition_consumer.admit(records(EVENTS[:4]), 4))
    assert not partition_consumer.searching


def test_a_next_event_of_another_history_is_a_fork() -> None:
    foreign = chain(6, start="another")
    admitted = consumer_at(0).admit(records([*EVENTS[:3], *foreign[3:]]), 6)
    assert sequences(admitted) == [1, 2, 3]
    assert admitted.fault is not None
    assert (type(admitted.fault.held), admitted.fault.held.sequence, admitted.fault.offset) == (Fork, 4, 3)


def test_a_repeat_of_the_last_event_with_other_bytes_is_a_fork() -> None:
    admitted = consumer_at(3).admit(records(chain(3, start="another")[2:]), 1)
    assert admitted.fault is not None
    assert (type(admitted.fault.held), admitted.fault.held.sequence) == (Fork, 3)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{}",
        b"\xff\xfe",
        EVENTS[3].replace(b"0000000000000004", b"4", 2),
        EVENTS[3].replace(b'"sequence":"0000000000000004"', '"sequence":"000000000000000٤"'.encode()),
        EVENTS[3].replace(b"/rahnama/intake", b"/rahnama/elsewhere"),
        EVENTS[3].replace(b"intake-00-", b"intake-01-"),
        EVENTS[3].replace(b"intake-00-0000000000000004", b"intake-00-0000000000000005"),
    ],
)
def test_what_is_no_event_of_the_partition_is_held_behind_those_before_it(value: bytes | None) -> None:
    admitted = consumer_at(2).admit([record(EVENTS[2], 7), record(value, 8), record(EVENTS[3], 9)], 10)
    assert sequences(admitted) == [3]
    assert admitted.fault is not None
    assert (type(admitted.fault.held), admitted.fault.held.sequence) == (Unapplicable, 4)
    assert admitted.fault.offset == 8


def test_the_trace_context_and_the_exact_bytes_are_handed_on() -> None:
    admitted = consumer_at(0).admit([record(EVENTS[0], 5, b"00-aa-bb-01")], 6)
    assert admitted.slice is not None
    received = admitted.slice.records[0]
    assert (received.traceparent, received.value, received.offset) == ("00-aa-bb-01", EVENTS[0], 5)
    assert received.hash == leaf_hash(EVENTS[0])


def test_a_quiet_partition_whose_topic_goes_further_is_read_again() -> None:
    partition_consumer, last = consumer_at(2), record(EVENTS[4], 4)
    assert partition_consumer.look_at(Ends(0, 5, 0.5)) is None
    assert partition_consumer.look_at(Ends(0, 5, 2.0)) == 4
    assert not partition_consumer.looked(Ends(0, 5, 2.0), last)
    assert partition_consumer.looked(Ends(0, 5, 5.0), last)
    assert partition_consumer.newest == 5


def test_a_topic_that_ends_with_another_event_than_the_applied_one_is_read_again() -> None:
    partition_consumer = consumer_at(5)
    assert not partition_consumer.looked(Ends(0, 5, 2.0), record(EVENTS[4], 4))
    assert partition_consumer.looked(Ends(0, 5, 2.0), record(chain(5, start="forged")[4], 4))


def test_a_quiet_partition_that_has_everything_is_looked_at_less_often() -> None:
    partition_consumer = consumer_at(5)
    assert not partition_consumer.looked(Ends(0, 5, 6.0), record(EVENTS[4], 4))
    assert partition_consumer.look_at(Ends(0, 5, 7.0)) is None
    assert partition_consumer.look_at(Ends(0, 5, 40.0)) == 4
    assert partition_consumer.look_at(Ends(0, 6, 7.0)) == 5
    assert partition_consumer.look_at(Ends(9, 9, 7.0)) is None


@given(
    topic=st.lists(st.integers(1, 12), max_size=40),
    polls=st.integers(1, 7),
    restarts=st.integers(0, 2**32),
)
def test_any_repeats_disorder_and_gaps_yield_the_dense_prefix(
    topic: list[int], polls: int, restarts: int
) -> None:
    log = records([EVENTS[sequence - 1] for sequence in topic])
    chance = random.Random(restarts)
    state = Sum(Position(0, bytes(32)), 0)
    partition_consumer = LogPartitionConsumer("intake", "t", 0, state, stall_seconds=5)
    applied: list[int] = []
    at, hint, held = 0, 0, False
    for _ in range(5000):
        if at >= len(log) or held:
            break
        batch = log[at : at + polls]
        admitted = partition_consumer.admit(batch, len(log))
        at += len(batch)
        if admitted.slice is not None:
            applied += [item.sequence for item in admitted.slice.records]
            state.position = admitted.slice.reached
        if admitted.fault is not None and admitted.fault.search:
            partition_consumer.search()
            at = 0
        elif admitted.fault is not None:
            held = True
        elif chance.random() < 0.1:  # a rebalance: the consumer is built anew, and reads on from a hint
            partition_consumer = LogPartitionConsumer("intake", "t", 0, state, stall_seconds=5)
            at = chance.randint(0, hint)
    dense = next(n for n in range(13) if n + 1 not in topic)
    assert applied == list(range(1, dense + 1))
    assert held == any(sequence > dense for sequence in topic)
