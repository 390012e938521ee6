"""The topic is the log: the same bytes in the same order, each once."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from shared.append.log import Appended
from tests.deadlines import until
from tests.integration.relay.bed import TRACEPARENT, Bed, draft, sequences, until_published


async def test_the_topic_holds_the_logs_exact_bytes_in_order(bed: Bed) -> None:
    async with bed.running() as relay:
        assert relay.ready() is None
        committed = []
        for _ in range(5):
            committed += await bed.append(300, partition=1, relay=relay)
        await until_published(relay, 1500, partition=1)
        records = await bed.records(1)
        assert [record.value for record in records] == [event.value for event in committed]
        assert [record.offset for record in records] == list(range(1500))
        assert {record.key for record in records} == {b"default/1"}
        assert set(map(tuple, (record.headers for record in records))) == {
            (
                ("content-type", b"application/cloudevents+json; charset=UTF-8"),
                ("traceparent", TRACEPARENT.encode()),
            )
        }
        assert await bed.values(0) == []
    assert await bed.kept_published() == {0: 0, 1: 1500}


async def test_events_of_another_instance_are_published_soon_after_their_commit(bed: Bed) -> None:
    async with bed.running() as relay:
        await bed.append(3)
        await until_published(relay, 3, seconds=2)
        assert sequences(await bed.values()) == [1, 2, 3]


async def test_what_was_committed_before_the_start_is_published_from_the_log(bed: Bed) -> None:
    committed = await bed.append_before_start(4500)
    async with bed.running() as relay:
        await until_published(relay, 4500)
        assert await bed.values() == [event.value for event in committed]


async def test_offers_that_do_not_follow_each_other_leave_no_hole(bed: Bed) -> None:
    async with bed.running() as relay:
        first, second, third, fourth = [await bed.append(10) for _ in range(4)]
        relay.offer(fourth)
        relay.offer(second)
        relay.offer(third)
        await until_published(relay, 40)
        assert await bed.values() == [event.value for event in (*first, *second, *third, *fourth)]


async def test_stopping_publishes_what_was_offered_and_keeps_how_far_it_came(bed: Bed) -> None:
    async with bed.running() as relay:
        for _ in range(10):
            await bed.append(500, relay=relay)
    assert len(await bed.values()) == 5000
    assert (await bed.kept_published())[0] == 5000


async def test_nothing_is_seen_before_it_was_prepared(bed: Bed) -> None:
    prepared: list[int] = []
    failures = [OSError("the keys are not there"), OSError("nor now")]
    may_go_on = asyncio.Event()

    async def before_publish(partition: int, events: Sequence[Appended]) -> None:
        assert partition == 0
        if failures:
            raise failures.pop()
        await may_go_on.wait()
        prepared.extend(event.sequence for event in events)

    async with bed.running(before_publish=before_publish) as relay:
        await bed.append(3, relay=relay)
        await until(lambda: not failures)
        await asyncio.sleep(0.3)
        assert await bed.values() == []
        may_go_on.set()
        await until_published(relay, 3)
        assert prepared == [1, 2, 3]
        assert sequences(await bed.values()) == [1, 2, 3]


async def test_the_missing_topic_is_created_with_the_logs_partitions(bed: Bed) -> None:
    async with bed.admin() as admin:
        await admin.delete_topics([bed.topic])
        await asyncio.sleep(0.2)
        async with bed.running() as relay:
            await bed.append(2, relay=relay)
            await until_published(relay, 2)
        [topic] = await admin.describe_topics([bed.topic])
        assert len(topic["partitions"]) == 2
        assert sequences(await bed.values()) == [1, 2]


@pytest.mark.parametrize("size", [200_000, 900_000])
async def test_an_event_larger_than_a_batch_goes_alone(bed: Bed, size: int) -> None:
    async with bed.running() as relay:
        small = draft(0, 1)
        large = replace(small, data=b'"' + b"x" * size + b'"')
        async with bed.pool.acquire() as connection, connection.transaction():
            drafts = [small, large, small, large]
            relay.offer(await bed.log.append(connection, drafts, now=datetime.now(UTC)))
        await until_published(relay, 4)
        values = await bed.values()
        assert [len(value) > size for value in values] == [False, True, False, True]
    async with bed.running() as relay:  # a look finds the large last record too
        await bed.append(1, relay=relay)
        await until_published(relay, 5)
    assert sequences(await bed.values()) == [1, 2, 3, 4, 5]
