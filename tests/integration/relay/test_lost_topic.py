"""Kafka can be lost: the topic is filled again from the log, and the log goes on growing meanwhile."""

import asyncio

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from shared.relay.relay import Relay
from tests.deadlines import expected_within, until
from tests.integration.relay.harness import RelayHarness, sequences, until_published


async def until_sequences(harness: RelayHarness, expected: list[int]) -> None:
    """Waits until partition 0 of the topic holds exactly these."""
    async with expected_within(15, f"a topic of {len(expected)} events"):
        while sequences(await harness.values()) != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def filled(harness: RelayHarness, relay: Relay, count: int) -> None:
    """The log and the topic with so many events."""
    await harness.append(count, relay=relay)
    await until_published(relay, count)


async def test_a_topic_that_was_deleted_under_the_running_relay_is_filled_again_from_1(
    harness: RelayHarness,
) -> None:
    async with harness.running() as relay:
        await filled(harness, relay, 100)
        before = await harness.values()
        async with harness.admin() as admin:
            await admin.delete_topics([harness.topic])
        await until_sequences(harness, list(range(1, 101)))
        assert await harness.values() == before
        assert relay.ready() is None
        await harness.append(10, relay=relay)
        await until_published(relay, 110)
        await until_sequences(harness, list(range(1, 111)))


async def test_a_topic_that_was_deleted_and_created_again_at_once_is_filled_from_1(
    harness: RelayHarness,
) -> None:
    async with harness.running() as relay:
        await filled(harness, relay, 100)
        async with harness.admin() as admin:
            await admin.delete_topics([harness.topic])
        async with asyncio.timeout(10):
            await harness.create_topic()
            await harness.append(5, relay=relay)  # may be acknowledged at offset 0
        await until_sequences(harness, list(range(1, 106)))
        assert relay.ready() is None


async def test_deleted_records_are_published_again_from_1(harness: RelayHarness) -> None:
    async with harness.running() as relay:
        await filled(harness, relay, 100)
        async with harness.admin() as admin:
            await admin.delete_records({TopicPartition(harness.topic, 0): RecordsToDelete(40)})
        await until_sequences(harness, list(range(1, 101)))
        assert await harness.extent() == (100, 200)
        await until(lambda: relay.published()[0] == 100)


async def test_a_topic_emptied_by_deleting_all_records_is_filled_again(harness: RelayHarness) -> None:
    async with harness.running() as relay:
        await filled(harness, relay, 30)
        async with harness.admin() as admin:
            await admin.delete_records({TopicPartition(harness.topic, 0): RecordsToDelete(30)})
        await until_sequences(harness, list(range(1, 31)))
        assert await harness.extent() == (30, 60)


async def test_a_lost_tail_is_published_again(harness: RelayHarness) -> None:
    committed = await harness.append_before_start(50)
    await harness.as_owner("update log_published set sequence = 50 where partition = 0")
    await harness.produce([event.value for event in committed[:20]])
    async with harness.running() as relay:
        await until_sequences(harness, list(range(1, 51)))
        assert await harness.values() == [event.value for event in committed]
        assert relay.published()[0] == 50


async def test_a_hole_in_the_topic_is_mended_by_filling_it_again(harness: RelayHarness) -> None:
    committed = await harness.append_before_start(10)
    await harness.produce([event.value for event in committed if event.sequence not in (4, 5)])
    async with harness.running():
        await until_sequences(harness, list(range(1, 11)))
        assert (await harness.extent())[0] == 8


async def test_a_hole_that_repeats_have_covered_up_is_mended_by_filling_it_again(
    harness: RelayHarness,
) -> None:
    committed = await harness.append_before_start(10)
    values = [event.value for event in committed]
    await harness.produce(
        [*values[:3], *values[1:3], *values[5:10]]
    )  # as many as there were, first and last are right
    async with harness.running() as relay:
        await until_sequences(harness, list(range(1, 11)))
        await harness.append(5, relay=relay)
        await until_sequences(harness, list(range(1, 16)))
        assert await harness.extent() == (10, 25)


async def test_a_hole_is_found_while_the_topic_goes_on_growing(harness: RelayHarness) -> None:
    values = [event.value for event in await harness.append_before_start(10)]
    await harness.produce([*values[:3], *values[1:3], *values[5:10]])
    async with harness.running() as relay:

        async def grow() -> None:
            while True:
                await harness.append(1, relay=relay)

        async with asyncio.timeout(15):
            growing = asyncio.create_task(grow())
            while (await harness.extent())[0] == 0:
                assert not growing.done()
            growing.cancel()
        await asyncio.wait([growing])
    async with harness.running():
        found = sequences(await harness.values())
        assert found == list(range(1, found[-1] + 1))


async def test_a_hole_behind_many_large_batches_is_found_too(harness: RelayHarness) -> None:
    async with harness.running() as relay:
        await filled(harness, relay, 3000)
    [repeated, _] = (await harness.values())[:2]
    committed = await harness.append_before_start(3)
    await harness.produce([repeated, *(event.value for event in committed[1:])])
    async with harness.running():
        await until_sequences(harness, list(range(1, 3004)))
        assert (await harness.extent())[0] == 3003


async def test_repeats_on_the_topic_do_no_harm(harness: RelayHarness) -> None:
    committed = await harness.append_before_start(10)
    values = [event.value for event in committed]
    await harness.produce([*values[:8], *values[2:5]])
    async with harness.running() as relay:
        await until_published(relay, 10)
        assert sequences(await harness.values()) == [*range(1, 9), 3, 4, 5, 6, 7, 8, 9, 10]


async def test_the_log_grows_while_a_topic_is_filled_again(harness: RelayHarness) -> None:
    committed = await harness.append_before_start(2000)
    await harness.produce([event.value for event in committed[1000:1010]])
    async with harness.running() as relay:
        assert relay.ready() is None
        await harness.append(10, relay=relay)
        await until_published(relay, 2010)
        assert sequences(await harness.values()) == list(range(1, 2011))
