"""A broker that falls silent, and connections that end: the simulation's double fails as aiokafka does."""

import asyncio

import pytest
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError, KafkaTimeoutError, NodeNotReadyError, RequestTimedOutError

from tests.integration.simulation.kafkas import Contract, contract, values_of


@contract
async def test_a_silent_broker_is_a_time_out_of_each_request(kafka: Contract) -> None:
    [place] = await kafka.places()
    link = await kafka.linked()
    admin, consumer = await kafka.admin(request_timeout_ms=1_000), await kafka.consumer()
    await admin.list_topics()
    link.hold_up()
    with pytest.raises(RequestTimedOutError):
        await admin.list_topics()
    for ask in (
        admin.describe_topics,
        admin.describe_cluster,
    ):
        with pytest.raises((RequestTimedOutError, NodeNotReadyError)):  # its connection may not be back
            await ask()
    with pytest.raises(TimeoutError):
        await admin.create_topics([NewTopic(f"{kafka.name}.other", 1, 1)], timeout_ms=1_000)
    for offsets in (consumer.beginning_offsets, consumer.end_offsets):
        with pytest.raises(KafkaTimeoutError):
            await offsets([place])


@contract
async def test_a_batch_whose_answer_is_lost_is_written_once(kafka: Contract) -> None:
    [place] = await kafka.places()
    link = await kafka.linked()
    producer = await kafka.producer()
    acknowledged = []
    for number in range(5):
        batch = producer.create_batch()
        batch.append(timestamp=1, key=b"k", value=b"%d" % number, headers=[])
        batch.close()
        if number % 2:
            link.cut()
        sent = await producer.send_batch(batch, place.topic, partition=0)
        try:
            async with asyncio.timeout(10):
                await sent
            acknowledged.append(b"%d" % number)
        except KafkaError:
            pass  # unknown: written or not
    consumer = await kafka.consumer()
    consumer.assign([place])
    ends = await consumer.end_offsets([place])
    values = await values_of(consumer, ends[place])
    assert len(values) == len(set(values))
    assert [value for value in values if value in acknowledged] == acknowledged
    assert {b"0", b"2", b"4"} <= set(acknowledged)
