"""A look whose consumer has stopped fetching: it reports what was not read, and the next look reads again."""

import asyncio

from aiokafka import AIOKafkaProducer, TopicPartition

from shared.inbox.topic_look import TopicLook
from shared.kafka.aio_clients import AioKafkaClients
from tests.integration.inbox.topic_faults import delete_before
from tests.servers import MakesTopics


async def kill_fetcher(look: TopicLook) -> None:
    """What an error inside aiokafka's fetcher leaves: a consumer that answers for ends, and never reads again."""
    assert look._consumer is not None
    assert look._consumer._fetcher is not None
    task = look._consumer._fetcher._fetch_task
    task.cancel()
    await asyncio.wait({task})


async def test_after_a_look_that_could_not_read_the_next_one_has_a_new_consumer(topics: MakesTopics) -> None:
    made = await topics()
    place = TopicPartition(made.name("rahnama.inbound"), 0)
    async with AIOKafkaProducer(bootstrap_servers=made.bootstrap) as producer:
        await producer.send_and_wait(place.topic, b"value", key=b"key", partition=0)
    look = TopicLook(AioKafkaClients(made.bootstrap))
    try:
        assert (await look.ends([place]))[place] == (0, 1)
        await kill_fetcher(look)
        assert (await look.ends([place]))[place] == (0, 1)
        assert await look.read({place: 0}) == {}
        found = await look.read({place: 0})
        assert [(where, record.value) for where, record in found.items()] == [(place, b"value")]
    finally:
        await look.close()


async def test_what_was_not_read_is_told_from_what_is_not_there(topics: MakesTopics) -> None:
    made = await topics()
    held = TopicPartition(made.name("rahnama.inbound"), 0)
    emptied = TopicPartition(made.name("rahnama.inbound"), 1)
    async with AIOKafkaProducer(bootstrap_servers=made.bootstrap) as producer:
        for place in (held, emptied):
            await producer.send_and_wait(place.topic, b"value", key=b"key", partition=place.partition)
    await delete_before(made.bootstrap, emptied.topic, 1, partition=emptied.partition)
    look = TopicLook(AioKafkaClients(made.bootstrap))
    try:
        reading = await look.try_read({held: 0, emptied: 0})
        assert (set(reading.found), reading.unread) == ({held}, frozenset())
        await kill_fetcher(look)
        reading = await look.try_read({held: 0})
        assert (reading.found, reading.unread) == ({}, frozenset({held}))
    finally:
        await look.close()
