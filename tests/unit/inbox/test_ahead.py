"""A position beyond the end of its topic is an alarm, unless the topic is just being refilled."""

from shared.inbox.ahead import AheadCheck
from shared.inbox.topic_policy import Ends


def after(*looks: tuple[int, int, float, int | None], applied: int = 9) -> int | None:
    check = AheadCheck(15.0)
    for begin, end, quiet_seconds, last in looks:
        check.looked(Ends(begin, end, quiet_seconds), applied, last)
    return check.ends_at


def test_a_topic_that_stays_shorter_than_the_position_is_an_alarm() -> None:
    assert after((10, 18, 2.0, 8), (10, 18, 16.9, 8)) is None
    assert after((10, 18, 2.0, 8), (10, 18, 17.0, 8)) == 8


def test_the_last_record_need_not_be_read_again_while_the_ends_are_the_same() -> None:
    assert after((10, 18, 2.0, 8), (10, 18, 9.0, None), (10, 18, 17.0, None)) == 8
    assert after((10, 18, 2.0, 8), (10, 19, 17.0, None)) is None


def test_an_empty_topic_is_shorter_than_any_position() -> None:
    assert after((18, 18, 0.5, 0), (18, 18, 15.5, 0)) == 0
    assert after((0, 0, 0.5, 0), (0, 0, 99.0, 0), applied=0) is None


def test_a_topic_that_is_being_refilled_is_no_alarm() -> None:
    looks = [(10, 10 + last, 2.0 + 10 * last, last) for last in range(1, 10)]
    assert after(*looks) is None


def test_the_alarm_ends_when_the_topic_reaches_the_position() -> None:
    assert after((10, 18, 2.0, 8), (10, 18, 17.0, 8), (10, 18, 18.0, None)) == 8
    assert after((10, 18, 2.0, 8), (10, 18, 17.0, 8), (10, 19, 1.0, 9)) is None


def test_records_that_come_meanwhile_begin_the_time_again() -> None:
    assert after((10, 18, 14.0, 8), (10, 18, 2.0, 8), (10, 18, 16.0, 8)) is None
