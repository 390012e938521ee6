"""How long records gather between two polls."""

from shared.kafka.poller import (
    FEW_RECORDS,
    GATHER_SECONDS,
    LONGEST_GATHER_SECONDS,
    SEVERAL_RECORDS,
    Trickle,
)

MANY = 2000


def test_many_records_are_followed_at_once_by_the_next_poll() -> None:
    assert Trickle(MANY).pause_after(FEW_RECORDS) == 0


def test_a_full_poll_is_followed_at_once_however_small_it_may_be() -> None:
    assert Trickle(10).pause_after(10) == 0
    assert Trickle(10).pause_after(9) > 0


def test_single_records_wait_for_the_shortest_pause_however_many_come() -> None:
    trickle = Trickle(MANY)
    assert {trickle.pause_after(SEVERAL_RECORDS - 1) for _ in range(20)} == {GATHER_SECONDS}


def test_while_several_come_each_time_the_pause_grows_to_its_bound() -> None:
    trickle = Trickle(MANY)
    pauses = [trickle.pause_after(SEVERAL_RECORDS) for _ in range(20)]
    assert pauses == sorted(pauses)
    assert GATHER_SECONDS < pauses[0] < pauses[-1] == LONGEST_GATHER_SECONDS


def test_the_pause_begins_anew_when_the_trickle_ends_or_grows_to_a_stream() -> None:
    for other in (1, FEW_RECORDS):
        trickle = Trickle(MANY)
        pauses = [trickle.pause_after(SEVERAL_RECORDS) for _ in range(20)]
        trickle.pause_after(other)
        assert trickle.pause_after(SEVERAL_RECORDS) == pauses[0]
