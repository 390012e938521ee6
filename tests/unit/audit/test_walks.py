"""The walks over ledger and topic, and the judgement: the first record that differs is the one that is named."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.decide.chains import Chain as Walked
from services.audit.decide.chains import LedgerWalk, TopicWalk, walk_ledger, walk_topic
from services.audit.decide.coverage import uncovered
from services.audit.decide.trees import grow, root
from shared.contracts.envelope import leaf_hash
from tests.unit.audit.kept import Kept, events


@given(st.integers(0, 40), st.integers(1, 9))
def test_an_honest_history_is_verified_whatever_the_batches(count: int, step: int) -> None:
    kept = Kept(events(count))
    finding, difference = kept.judged(step)
    assert difference is None
    assert (finding.ledger, finding.topic, finding.tree, finding.ahead) == ("ok", "ok", "ok", 0)
    assert finding.root == root(grow((), 0, [leaf_hash(value) for value in kept.values])).hex()


@given(st.integers(1, 20), st.data())
def test_repeats_on_the_topic_are_no_difference(count: int, data: st.DataObject) -> None:
    kept = Kept(events(count))
    start = data.draw(st.integers(0, count - 1))
    kept.topic[start + 1 : start + 1] = kept.topic[data.draw(st.integers(0, start)) : start + 1]
    assert kept.judged()[1] is None


def test_a_topic_ahead_of_the_ledger_is_only_not_yet_applied() -> None:
    values = events(12)
    kept = Kept(values[:9])
    kept.topic = values
    finding, difference = kept.judged()
    assert difference is None
    assert (finding.topic, finding.ahead) == ("ok", 3)


def changed_byte(kept: Kept, at: int) -> None:
    kept.rows[at - 1] = kept.rows[at - 1]._replace(value=kept.rows[at - 1].value.replace(b"any", b"new"))


def changed_white_space(kept: Kept, at: int) -> None:
    """Says the same; only its hash tells."""
    kept.rows[at - 1] = kept.rows[at - 1]._replace(value=kept.rows[at - 1].value[:-1] + b" }")


def changed_hash(kept: Kept, at: int) -> None:
    kept.rows[at - 1] = kept.rows[at - 1]._replace(hash=bytes(32))


def deleted(kept: Kept, at: int) -> None:
    del kept.rows[at - 1]


def other_tenant(kept: Kept, at: int) -> None:
    kept.rows[at - 1] = kept.rows[at - 1]._replace(tenant="elsewhere")


def other_time(kept: Kept, at: int) -> None:
    kept.rows[at - 1] = kept.rows[at - 1]._replace(time=None)


def consistently_other(kept: Kept, at: int) -> None:
    kept.put(at, kept.values[at - 1].replace(b"any", b"new"))


def no_event(kept: Kept, at: int) -> None:
    kept.put(at, b"{}")


@pytest.mark.parametrize("at", [1, 2, 3, 4, 7, 8])
@pytest.mark.parametrize(
    "tamper",
    [
        changed_byte,
        changed_white_space,
        changed_hash,
        deleted,
        other_tenant,
        other_time,
        consistently_other,
        no_event,
    ],
)
def test_the_first_record_that_was_changed_in_the_ledger_is_named(
    tamper: Callable[[Kept, int], None], at: int
) -> None:
    kept = Kept(events(8))
    tamper(kept, at)
    finding, difference = kept.judged()
    assert difference is not None
    assert (difference.where, difference.sequence) == ("ledger", at)
    assert (finding.ledger, finding.topic, finding.tree) == ("differs", "ok", "ok")


def test_two_records_that_changed_places_are_named_by_the_first() -> None:
    kept = Kept(events(8))
    kept.put(3, kept.values[5])
    kept.put(6, kept.values[2])
    _, difference = kept.judged()
    assert difference is not None
    assert (difference.where, difference.sequence) == ("ledger", 3)


def test_a_record_that_was_never_applied_is_named() -> None:
    values = events(9)
    kept = Kept(values[:8])
    kept.head = kept.head._replace(newest=9)
    _, difference = kept.judged()
    assert difference is not None
    assert (difference.where, difference.sequence, difference.found) == ("ledger", 9, "9")


def topic_shorter(kept: Kept) -> None:
    del kept.topic[4:]


def topic_hole(kept: Kept) -> None:
    del kept.topic[4]


def topic_other(kept: Kept) -> None:
    kept.topic[4] = kept.topic[4].replace(b"any", b"new")


def topic_garbage(kept: Kept) -> None:
    kept.topic[4] = b"no event"


def topic_swapped(kept: Kept) -> None:
    kept.topic[4], kept.topic[5] = kept.topic[5], kept.topic[4]


def topic_other_repeat(kept: Kept) -> None:
    kept.topic.append(kept.topic[4].replace(b"any", b"new"))


def topic_of_another_partition(kept: Kept) -> None:
    kept.topic[4:] = events(8, partition=5)[4:]


@pytest.mark.parametrize(
    "tamper",
    [
        topic_shorter,
        topic_hole,
        topic_other,
        topic_garbage,
        topic_swapped,
        topic_other_repeat,
        topic_of_another_partition,
    ],
)
def test_the_first_record_that_is_another_one_on_the_topic_is_named(tamper: Callable[[Kept], None]) -> None:
    kept = Kept(events(8))
    tamper(kept)
    finding, difference = kept.judged()
    assert difference is not None
    assert (difference.where, difference.sequence) == ("topic", 5)
    assert (finding.ledger, finding.topic, finding.tree) == ("ok", "differs", "ok")


def test_a_stored_tree_that_is_not_that_of_its_events_is_named() -> None:
    kept = Kept(events(8))
    kept.head = kept.head._replace(edge=bytes(32))
    finding, difference = kept.judged()
    assert difference is not None
    assert (difference.where, difference.sequence, difference.found) == ("tree", 8, bytes(32).hex())
    assert (finding.ledger, finding.topic, finding.tree) == ("ok", "ok", "differs")


@pytest.mark.parametrize(
    "head",
    [{"size": 7}, {"size": 9}, {"edge": b""}, {"edge": b"x"}, {"hash": bytes(32)}],
)
def test_a_stored_end_that_contradicts_itself_is_a_difference_of_the_tree(
    head: dict[str, int | bytes],
) -> None:
    kept = Kept(events(8))
    kept.head = kept.head._replace(**head)  # type: ignore[arg-type]
    finding, difference = kept.judged()
    assert difference is not None
    assert difference.where == "tree"
    assert finding.tree == "differs"


def test_when_both_sides_are_broken_nothing_is_said_of_the_tree() -> None:
    kept = Kept(events(8))
    changed_byte(kept, 3)
    topic_shorter(kept)
    finding, difference = kept.judged()
    assert (finding.ledger, finding.topic, finding.tree) == ("differs", "differs", "unknown")
    assert difference is not None
    assert difference.sequence == 3


def test_a_ledger_and_topic_of_two_histories_are_told_apart_by_the_stored_root() -> None:
    kept = Kept(events(8))
    for sequence, value in enumerate(events(8, partition=5), start=1):
        kept.put(sequence, value)
    finding, difference = kept.judged()
    assert difference is not None
    assert (difference.where, difference.sequence) == ("ledger", 1)
    assert finding.topic == "ok"


def test_everything_that_should_be_verified_must_be_there() -> None:
    topics = {"intake": 12, "allocation": 12}
    assert uncovered(12, 12, topics, []) is None
    installed = uncovered(12, 6, topics, [])
    assert installed is not None
    assert (installed.expected, installed.found) == ("12", "6")
    shrunk = uncovered(12, 12, {**topics, "allocation": 10}, [])
    assert shrunk is not None
    assert (shrunk.source, shrunk.partition, shrunk.where) == ("allocation", 10, "topic")
    stranger = uncovered(12, 12, topics, [("intake", 12, 3)])
    assert stranger is not None
    assert (stranger.source, stranger.partition, stranger.sequence) == ("intake", 12, 3)


def test_a_walk_over_nothing_stands_where_it_stood() -> None:
    chain = Walked("intake", 4)
    assert walk_ledger(chain, []) == LedgerWalk(chain)
    assert walk_topic(TopicWalk(chain), [], {}, 0) == TopicWalk(chain)
