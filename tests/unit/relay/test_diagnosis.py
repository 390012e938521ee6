"""The look's verdicts, each from a topic and a log."""

import pytest

from shared.relay.diagnosis import Disagreement, Healthy, Incomplete, LogView, diagnose
from shared.relay.extent import Extent, TopicRecord
from shared.relay.leadership import Standing


def seen(offset: int, sequence: int | None, tag: str = "") -> TopicRecord:
    """A record; `tag` makes its hash another one than the log's."""
    return TopicRecord(offset, sequence, f"{sequence}{tag}".encode())


def log(head: int, published: int = 0) -> LogView:
    """A log of one partition."""
    return LogView({0: Standing(head, published)}, {(0, n): str(n).encode() for n in range(1, head + 1)})


@pytest.mark.parametrize(
    ("extent", "view", "verdict"),
    [
        pytest.param(Extent(0, 0, None, None), log(0), Healthy(0), id="new"),
        pytest.param(Extent(0, 0, None, None), log(9), Healthy(0), id="nothing published yet"),
        pytest.param(Extent(40, 40, None, None), log(9), Healthy(0), id="empty after a deletion"),
        pytest.param(Extent(0, 5, seen(0, 1), seen(4, 5)), log(5), Healthy(5), id="whole"),
        pytest.param(Extent(0, 5, seen(0, 1), seen(4, 5)), log(9, 9), Healthy(5), id="lost tail"),
        pytest.param(Extent(7, 12, seen(7, 1), seen(11, 5)), log(5), Healthy(5), id="refilled"),
        pytest.param(Extent(0, 8, seen(0, 1), seen(7, 5)), log(5), Healthy(5), id="with repeats"),
        pytest.param(Extent(0, 1, seen(0, 1), seen(0, 1)), log(1), Healthy(1), id="one"),
    ],
)
def test_a_healthy_topic_continues_after_its_last_sequence(
    extent: Extent, view: LogView, verdict: Healthy
) -> None:
    assert diagnose(0, extent, view) == verdict


@pytest.mark.parametrize(
    ("extent", "view", "reason"),
    [
        (Extent(0, 0, None, None), log(9, 7), "it is empty, but 7 were published"),
        (Extent(3, 5, seen(3, 4), seen(4, 5)), log(9), "it begins with sequence 4"),
        (Extent(0, 4, seen(0, 1), seen(3, 5)), log(9), "it has fewer records (4) than its last one says"),
    ],
)
def test_a_topic_with_only_some_of_the_log_is_to_be_filled_again(
    extent: Extent, view: LogView, reason: str
) -> None:
    assert diagnose(0, extent, view) == Incomplete(extent.end, reason)


def test_a_topic_that_lacks_a_sequence_before_its_end_is_to_be_filled_again() -> None:
    extent = Extent(0, 9, seen(0, 1), seen(8, 9))
    assert diagnose(0, extent, log(9), missing=4) == Incomplete(9, "sequence 4 is missing before sequence 9")


def test_a_topic_that_is_ahead_of_the_log_in_its_middle_is_not_filled_again() -> None:
    extent = Extent(0, 4, seen(0, 1), seen(3, 3))  # 1 5 2 3
    verdict = diagnose(0, extent, log(3), missing=2, read_highest=seen(1, 5))
    assert isinstance(verdict, Disagreement)
    assert "it holds sequence 5, but the log ends at 3: the database was restored" in verdict.reason
    assert isinstance(diagnose(0, extent, log(5), missing=2, read_highest=seen(1, 5)), Incomplete)


def test_an_event_that_a_restored_log_has_replaced_meanwhile_is_not_deleted() -> None:
    extent = Extent(
        0, 4, seen(0, 1), seen(3, 3)
    )  # 1 5 2 3, and another instance has appended another 4 and 5
    verdict = diagnose(0, extent, log(5), missing=2, read_highest=seen(1, 5, "x"))
    assert isinstance(verdict, Disagreement)
    assert "sequence 5 at offset 1 is another event than in the log: a fork" in verdict.reason


@pytest.mark.parametrize(
    ("extent", "verdict"),
    [
        (Extent(0, 6, seen(0, 1), seen(5, None), inner=(seen(0, 1), seen(4, 5))), Healthy(5)),
        (Extent(0, 6, seen(0, None), seen(5, 5), inner=(seen(1, 1), seen(5, 5))), Healthy(5)),
        (Extent(0, 7, seen(0, None), seen(6, None), inner=(seen(1, 1), seen(5, 5))), Healthy(5)),
        (Extent(0, 1, seen(0, None), seen(0, None)), Incomplete(1, "it is empty, but 5 were published")),
        (
            Extent(0, 3, seen(0, None), seen(2, 3), inner=(seen(1, 2), seen(2, 3))),
            Incomplete(3, "it begins with sequence 2"),
        ),
    ],
)
def test_a_foreign_record_at_an_end_does_not_put_the_log_in_doubt(
    extent: Extent, verdict: Healthy | Incomplete
) -> None:
    assert diagnose(0, extent, log(5, published=5)) == verdict


@pytest.mark.parametrize(
    ("extent", "view", "reason"),
    [
        (Extent(0, 9, seen(0, 1), seen(8, 9)), log(5), "the log ends at 5: the database was restored"),
        (Extent(0, 9, seen(0, 1), seen(8, 9)), log(0), "the log ends at 0"),
        (Extent(3, 9, seen(3, 4), seen(8, 9)), log(5), "the database was restored"),
        (Extent(0, 5, seen(0, 1), seen(4, 5, "x")), log(5), "sequence 5 at offset 4 is another event"),
        (Extent(0, 5, seen(0, 1, "x"), seen(4, 5)), log(5), "sequence 1 at offset 0 is another event"),
        (Extent(3, 5, seen(3, 4, "x"), seen(4, 5)), log(5), "a fork"),
        (Extent(0, 5, seen(0, 7), seen(4, 5)), log(5), "it holds sequence 7, but the log ends at 5"),
    ],
)
def test_what_cannot_both_be_true_closes_the_gate(extent: Extent, view: LogView, reason: str) -> None:
    verdict = diagnose(0, extent, view)
    assert isinstance(verdict, Disagreement)
    assert reason in verdict.reason
