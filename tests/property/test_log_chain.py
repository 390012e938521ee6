"""The chain and what is concluded from it, over random histories, without a database."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.append.log import Appended, Draft, Head, Log
from shared.contracts.envelope import NO_HASH, decode, leaf_hash, rfc3339
from shared.relay.backlog import Backlog
from shared.relay.diagnosis import Disagreement, Healthy, Incomplete, LogView, diagnose
from shared.relay.extent import Extent, TopicRecord
from shared.relay.leadership import Standing

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
partitions = st.integers(0, 2)
drafts = st.builds(
    Draft,
    partition=partitions,
    type=st.just("rahnama.test.v1"),
    tenant=st.sampled_from(["default", "دانشگاه"]),
    subject=st.text(max_size=8),
    version=st.none(),
    causation_id=st.just("0" * 32),
    data=st.sampled_from([b"{}", b'{"a":[1,2]}', '{"نام":"زهرا"}'.encode()]),
    traceparent=st.none(),
    time=st.none() | st.just("2025-05-05T00:00:00.000000Z"),
)
acceptances = st.integers(-5, 5).map(lambda seconds: rfc3339(BEGINNING + timedelta(seconds=seconds)))


def chain(history: list[tuple[Draft, str]]) -> dict[int, list[Appended]]:
    """What a log makes of drafts, accepted one after the other."""
    log = Log("intake")
    heads = {number: Head(number, 0, NO_HASH, "") for number in range(3)}
    logged: dict[int, list[Appended]] = {0: [], 1: [], 2: []}
    for item, acceptance in history:
        logged[item.partition].append(log._chain(heads[item.partition], item, acceptance))
    return logged


@given(st.lists(st.tuples(drafts, acceptances), max_size=30))
def test_every_partition_is_dense_and_each_event_fixes_the_one_before(
    history: list[tuple[Draft, str]],
) -> None:
    for number, events in chain(history).items():
        given_here = [item for item, _ in history if item.partition == number]
        assert [event.sequence for event in events] == list(range(1, len(given_here) + 1))
        previous = NO_HASH
        for event, item in zip(events, given_here, strict=True):
            envelope = decode(event.value)
            assert event.hash == leaf_hash(event.value)
            assert envelope.previous == previous.hex()
            assert envelope.partition == number
            assert bytes(envelope.data) == item.data
            assert (envelope.subject, envelope.tenant) == (item.subject, item.tenant)
            previous = event.hash


@given(st.lists(acceptances, max_size=20))
def test_acceptance_never_runs_backwards(times: list[str]) -> None:
    plain = Draft(0, "rahnama.test.v1", "default", "s", None, "0" * 32, b"{}", None)
    accepted = [decode(event.value).time for event in chain([(plain, time) for time in times])[0]]
    assert accepted == sorted(accepted)


@given(
    total=st.integers(0, 12),
    kept=st.integers(0, 12),
    published=st.integers(0, 12),
    held=st.lists(st.integers(1, 14), max_size=20),
)
def test_a_topic_called_healthy_after_a_sequence_lacks_only_what_comes_later(
    total: int, kept: int, published: int, held: list[int]
) -> None:
    """The topic holds any of the events, in any order, as far as a relay can have put them there: each one
    at most one after the highest before it, unless it is the first after a loss."""
    written: list[int] = []
    for sequence in held:
        if not written or sequence <= max(written) + 1:
            written.append(sequence)
    head = min(kept, total)
    view = LogView({0: Standing(head, published)}, {(0, n): bytes([n]) for n in range(1, head + 1)})
    records = [TopicRecord(offset, sequence, bytes([sequence])) for offset, sequence in enumerate(written)]
    extent = Extent(0, len(records), records[0] if records else None, records[-1] if records else None)
    match diagnose(0, extent, view):
        case Healthy(sequence):
            assert set(range(1, sequence + 1)) <= set(written)
        case Incomplete():
            assert not written or written[0] != 1
        case Disagreement():
            assert written[-1] > head or written[0] > head


@given(st.lists(st.tuples(st.sampled_from(["offer", "load", "take"]), st.integers(1, 20), st.integers(1, 6))))
def test_the_backlog_never_leaves_an_event_out(steps: list[tuple[str, int, int]]) -> None:
    backlog = Backlog(1, limit_bytes=120)
    position = 0
    for step, first, count in steps:
        events = [
            Appended(0, sequence, "t", "d", "s", None, b"x" * 10, b"", None)
            for sequence in range(first, first + count)
        ]
        if step == "offer":
            backlog.offer(0, events)
        elif step == "load" and first == position + 1:
            backlog.load(0, events)
        elif step == "take":
            taken = [event.sequence for event in backlog.next(0, position, 500)]
            assert taken == list(range(position + 1, position + 1 + len(taken)))
            position += len(taken)
