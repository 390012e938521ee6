"""The topic is the log: the same bytes in the same order, each once."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from shared.append.log import Appended
from tests.deadlines import until
from tests.integration.relay.harness import TRACEPARENT, RelayHarness, draft, sequences, until_published


async def test_the_topic_holds_the_logs_exact_bytes_in_order(harness: RelayHarness) -> None:
    async with harness.running() as relay:
        assert relay.ready() is None
        committed = []
        for _ in range(5):
            committed += await harness.append(300, partition=1, relay=relay)
        await until_published(relay, 1500, partition=1)
        records = await harness.records(1)
        assert [record.value for record in records] == [event.value for event in committed]
        assert [record.offset for record in records] == list(range(1500))
        assert {record.key for record in records} == {b"default/1"}
        assert set(map(tuple, (record.headers for record in records))) == {
            (
                ("content-type", b"application/cloudevents+json; charset=UTF-8"),
                ("traceparent", TRACEPARENT.encode()),
            )
        }
        assert await harness.values(0) == []
    assert await harness.kept_published() == {0: 0, 1: 1500}


async def test_events_of_another_instance_are_published_soon_after_their_commit(
    harness: RelayHarness,
) -> None:
    async with harness.running() as relay:
        await harness.append(3)
        await until_published(relay, 3, seconds=2)
        assert sequences(await harness.values()) == [1, 2, 3]


async def test_what_was_committed_before_the_start_is_published_from_the_log(harness: RelayHarness) -> None:
    committed = await harness.append_before_start(4500)
    async with harness.running() as relay:
        await until_published(relay, 4500)
        assert await harness.values() == [event.value for event in committed]


async def test_offers_that_do_not_follow_each_other_leave_no_hole(harness: RelayHarness) -> None:
    async with harness.running() as relay:
        first, second, third, fourth = [await harness.append(10) for _ in range(4)]
        relay.offer(fourth)
        relay.offer(second)
        relay.offer(third)
        await until_published(relay, 40)
        assert await harness.values() == [event.value for event in (*first, *second, *third, *fourth)]


async def test_stopping_publishes_what_was_offered_and_keeps_how_far_it_came(harness: RelayHarness) -> None:
    async with harness.running() as relay:
        for _ in range(10):
            await harness.append(500, relay=relay)
    assert len(await harness.values()) == 5000
    assert (await harness.kept_published())[0] == 5000


async def test_nothing_is_seen_before_it_was_prepared(harness: RelayHarness) -> None:
    prepared: list[int] = []
    failures = [OSError("the keys are not there"), OSError("nor now")]
    may_go_on = asyncio.Event()

    async def before_publish(partition: int, events: Sequence[Appended]) -> None:
        assert partition == 0
        if failures:
            raise failures.pop()
        await may_go_on.wait()
        prepared.extend(event.sequence for event in events)

    async with harness.running(before_publish=before_publish) as relay:
        await harness.append(3, relay=relay)
        await until(lambda: not failures)
        await asyncio.sleep(0.3)
        assert await harness.values() == []
        may_go_on.set()
        await until_published(relay, 3)
        assert prepared == [1, 2, 3]
        assert sequences(await harness.values()) == [1, 2, 3]


async def test_the_missing_topic_is_created_with_the_logs_partitions(harness: RelayHarness) -> None:
    async with harness.admin() as admin:
        await admin.delete_topics([harness.topic])
        await asyncio.sleep(0.2)
        async with harness.running() as relay:
            await harness.append(2, relay=relay)
            await until_published(relay, 2)
        [topic] = await admin.describe_topics([harness.topic])
        assert len(topic["partitions"]) == 2
        assert sequences(await harness.values()) == [1, 2]


@pytest.mark.parametrize("size", [200_000, 900_000])
async def test_an_event_larger_than_a_batch_goes_alone(harness: RelayHarness, size: int) -> None:
    async with harness.running() as relay:
        small = draft(0, 1)
        large = replace(small, data=b'"' + b"x" * size + b'"')
        async with harness.pool.acquire() as connection, connection.transaction():
            drafts = [small, large, small, large]
            relay.offer(await harness.log.append(connection, drafts, now=datetime.now(UTC)))
        await until_published(relay, 4)
        values = await harness.values()
        assert [len(value) > size for value in values] == [False, True, False, True]
    async with harness.running() as relay:  # a look finds the large last record too
        await harness.append(1, relay=relay)
        await until_published(relay, 5)
    assert sequences(await harness.values()) == [1, 2, 3, 4, 5]
