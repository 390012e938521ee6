"""The backlog gives the next events without a gap, or none, and never holds more than its bound."""

from shared.append.log import Appended
from shared.relay.backlog import Backlog


def events(*sequences: int, size: int = 100) -> list[Appended]:
    """Events of partition 0."""
    return [
        Appended(0, sequence, "t", "default", "s", None, b"x" * size, b"", None) for sequence in sequences
    ]


def next_sequences(backlog: Backlog, after: int, limit_bytes: int = 100_000) -> list[int]:
    """What comes after."""
    return [event.sequence for event in backlog.next(0, after, limit_bytes)]


def test_what_was_offered_in_order_comes_out_in_order() -> None:
    backlog = Backlog(1, limit_bytes=10_000)
    backlog.offer(0, events(1, 2))
    backlog.offer(0, events(3))
    assert next_sequences(backlog, 0) == [1, 2, 3]
    assert next_sequences(backlog, 2) == [3]
    assert next_sequences(backlog, 3) == []


def test_memory_that_does_not_join_on_gives_nothing() -> None:
    backlog = Backlog(1, limit_bytes=10_000)
    backlog.offer(0, events(5, 6))
    assert next_sequences(backlog, 0) == []
    assert next_sequences(backlog, 4) == [5, 6]


def test_an_offer_that_does_not_follow_is_left_to_the_log() -> None:
    backlog = Backlog(1, limit_bytes=10_000)
    backlog.offer(0, events(1, 2))
    backlog.offer(0, events(4))
    backlog.offer(0, events(3))
    assert next_sequences(backlog, 0) == [1, 2, 3]


def test_what_was_read_from_the_log_stands_before_what_follows_it() -> None:
    backlog = Backlog(1, limit_bytes=10_000)
    backlog.offer(0, events(3, 4, 5))
    backlog.load(0, events(1, 2, 3))
    assert next_sequences(backlog, 0) == [1, 2, 3, 4, 5]


def test_a_gap_after_what_was_read_ends_the_batch() -> None:
    backlog = Backlog(1, limit_bytes=10_000)
    backlog.offer(0, events(7, 8))
    backlog.load(0, events(1, 2))
    assert next_sequences(backlog, 0) == [1, 2]
    assert next_sequences(backlog, 2) == []
    assert next_sequences(backlog, 6) == [7, 8]


def test_a_batch_ends_at_its_bound_but_has_at_least_one_event() -> None:
    backlog = Backlog(1, limit_bytes=100_000)
    backlog.offer(0, events(1, 2, 3, size=1000))
    assert next_sequences(backlog, 0, limit_bytes=2500) == [1, 2]
    assert next_sequences(backlog, 2, limit_bytes=10) == [3]


def test_the_bound_holds_over_all_partitions_and_room_comes_back() -> None:
    backlog = Backlog(2, limit_bytes=300)
    backlog.offer(0, events(1, 2))
    backlog.offer(1, events(1, 2))
    assert backlog.next(1, 0, 1000) == []
    assert next_sequences(backlog, 1) == [2]
    backlog.offer(1, events(3, 4))
    assert [event.sequence for event in backlog.next(1, 2, 1000)] == [3, 4]
    backlog.clear(0)
    backlog.clear(1)
    backlog.offer(0, events(9, 10, 11))
    assert next_sequences(backlog, 8) == [9, 10, 11]
