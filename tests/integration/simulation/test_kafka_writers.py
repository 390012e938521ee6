"""Producers and the client for topics: the simulation's double does as aiokafka with a broker does."""

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic, RecordsToDelete
from aiokafka.errors import (
    NotLeaderForPartitionError,
    OffsetOutOfRangeError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)

from tests.integration.simulation.kafkas import Contract, contract, values_of


def filled(producer: Any, *values: bytes) -> Any:
    """A closed batch of as many of the values as fit; the first always does."""
    batch = producer.create_batch()
    assert batch.append(timestamp=1, key=b"k", value=values[0], headers=[])
    for value in values[1:]:
        if batch.append(timestamp=1, key=b"k", value=value, headers=[]) is None:
            break
    batch.close()
    return batch


async def everything(kafka: Contract, place: TopicPartition) -> list[bytes | None]:
    """The values of a partition."""
    consumer = await kafka.consumer()
    ends = await consumer.end_offsets([place])
    consumer.assign([place])
    begins = await consumer.beginning_offsets([place])
    return await values_of(consumer, ends[place] - begins[place])


@contract
async def test_a_batch_says_where_its_first_record_is(kafka: Contract) -> None:
    [place] = await kafka.places()
    producer = await kafka.producer()
    one = await (await producer.send_batch(filled(producer, b"1"), place.topic, partition=0))
    assert one.offset == 0
    two = await (await producer.send_batch(filled(producer, b"2"), place.topic, partition=0))
    assert two.offset == 1
    assert await everything(kafka, place) == [b"1", b"2"]


@contract
async def test_a_batch_is_full_at_some_time_and_refuses_more(kafka: Contract) -> None:
    producer = await kafka.producer(max_batch_size=4096)
    batch = producer.create_batch()
    accepted = 0
    while batch.append(timestamp=1, key=b"k", value=b"v" * 1000, headers=[]) is not None:
        accepted += 1
        assert accepted < 100
    assert accepted >= 1
    assert batch.append(timestamp=1, key=b"k", value=b"v" * 1000, headers=[]) is None


@contract
async def test_a_batch_is_written_whole_or_not_at_all(kafka: Contract) -> None:
    [place] = await kafka.places()
    producer = await kafka.producer()
    batch = filled(producer, b"1", b"2")
    sent = await (await producer.send_batch(batch, place.topic, partition=0))
    assert sent.offset == 0
    assert await everything(kafka, place) in ([b"1", b"2"], [b"1"])


@contract
async def test_what_a_second_producer_sends_again_is_a_repeat(kafka: Contract) -> None:
    [place] = await kafka.places()
    for expected in (0, 1):
        producer = await kafka.producer()
        sent = await (await producer.send_batch(filled(producer, b"same"), place.topic, partition=0))
        assert sent.offset == expected
        await producer.stop()
    assert await everything(kafka, place) == [b"same", b"same"]


@contract
async def test_a_stopped_producer_sends_nothing_more(kafka: Contract) -> None:
    [place] = await kafka.places()
    producer = await kafka.producer()
    batch = filled(producer, b"1")
    await producer.stop()
    with pytest.raises(TimeoutError):  # no answer ever comes, not even an error: callers bound their wait
        async with asyncio.timeout(1):
            await (await producer.send_batch(batch, place.topic, partition=0))
    assert await everything(kafka, place) == []


@contract
async def test_a_batch_for_a_missing_topic_is_refused(kafka: Contract) -> None:
    producer = await kafka.producer()
    with pytest.raises(UnknownTopicOrPartitionError):
        await (await producer.send_batch(filled(producer, b"1"), f"{kafka.name}.missing", partition=0))


@contract
async def test_a_recreated_topic_acknowledges_from_its_beginning(kafka: Contract) -> None:
    [place] = await kafka.places()
    await kafka.send(place, b"1", b"2", b"3")
    await kafka.delete_topic(place.topic)
    await kafka.topic()
    producer = await kafka.producer()
    sent = await (await producer.send_batch(filled(producer, b"4"), place.topic, partition=0))
    assert sent.offset == 0
    assert await everything(kafka, place) == [b"4"]


@contract
async def test_a_topic_that_exists_is_not_created_again(kafka: Contract) -> None:
    topic, admin = await kafka.topic(3), await kafka.admin()
    other = f"{kafka.name}.other"
    answer = await admin.create_topics([NewTopic(topic, 1, 1), NewTopic(other, 1, 1)], timeout_ms=5_000)
    codes = {name: code for name, code, *_ in answer.topic_errors}
    assert codes == {topic: TopicAlreadyExistsError.errno, other: 0}
    [kept] = [found for found in await admin.describe_topics() if found["topic"] == topic]
    assert len(kept["partitions"]) == 3


@contract
async def test_topics_are_listed_and_described(kafka: Contract) -> None:
    topic, admin = await kafka.topic(2), await kafka.admin()
    missing = f"{kafka.name}.missing"
    assert topic in await admin.list_topics()
    assert missing not in await admin.list_topics()
    found = {found["topic"]: found for found in await admin.describe_topics([topic, missing])}
    assert (found[topic]["error_code"], found[missing]["error_code"]) == (0, 3)
    assert sorted(partition["partition"] for partition in found[topic]["partitions"]) == [0, 1]
    assert all(partition["leader"] >= 0 for partition in found[topic]["partitions"])
    assert found[missing]["partitions"] == []
    assert missing not in await admin.list_topics()
    assert len((await admin.describe_cluster())["brokers"]) == 1


@contract
async def test_records_are_deleted_below_an_offset(kafka: Contract) -> None:
    [place] = await kafka.places()
    await kafka.send(place, b"1", b"2", b"3")
    admin, consumer = await kafka.admin(), await kafka.consumer()
    await admin.delete_records({place: RecordsToDelete(before_offset=2)})
    await admin.delete_records({place: RecordsToDelete(before_offset=1)})
    assert await consumer.beginning_offsets([place]) == {place: 2}
    with pytest.raises(OffsetOutOfRangeError):
        await admin.delete_records({place: RecordsToDelete(before_offset=4)})
    assert await everything(kafka, place) == [b"3"]
    await admin.delete_records({place: RecordsToDelete(before_offset=-1)})
    assert await consumer.beginning_offsets([place]) == await consumer.end_offsets([place]) == {place: 3}


@contract
async def test_records_of_a_missing_topic_are_not_deleted(kafka: Contract) -> None:
    admin = await kafka.admin()
    missing = TopicPartition(f"{kafka.name}.missing", 0)
    with pytest.raises(NotLeaderForPartitionError):
        await admin.delete_records({missing: RecordsToDelete(before_offset=0)})
