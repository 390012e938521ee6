"""Consumers without a group: the simulation's double does as aiokafka with a broker does."""

import asyncio
from typing import Any

import pytest
from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import (
    ConsumerStoppedError,
    IllegalOperation,
    IllegalStateError,
    KafkaTimeoutError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from tests.integration.simulation.kafkas import Contract, contract, values_of

ABCDE = (b"a", b"b", b"c", b"d", b"e")


async def reading(kafka: Contract, *values: bytes, reset: str = "earliest") -> tuple[Any, TopicPartition]:
    """A consumer at the beginning of a topic of one partition."""
    [place] = await kafka.places()
    await kafka.send(place, *values)
    consumer = await kafka.consumer(reset)
    consumer.assign([place])
    consumer.seek(place, 0)
    return consumer, place


@contract
async def test_what_is_not_assigned_is_refused(kafka: Contract) -> None:
    consumer, place = await reading(kafka)
    other = TopicPartition(place.topic, 7)
    with pytest.raises(IllegalStateError):
        consumer.seek(other, 0)
    with pytest.raises(IllegalStateError):
        consumer.pause(other)
    with pytest.raises(IllegalStateError):
        consumer.resume(other)
    with pytest.raises(AssertionError):
        consumer.highwater(other)
    with pytest.raises(IllegalStateError):
        await consumer.position(other)
    assert set(consumer.assignment()) == {place}


@contract
async def test_records_come_in_order_with_key_value_and_headers(kafka: Contract) -> None:
    [place] = await kafka.places()
    producer = await kafka.producer()
    batch = producer.create_batch()
    assert batch.append(timestamp=1, key=b"k", value=None, headers=[("h", b"1"), ("h", b"2")])
    batch.close()
    await (await producer.send_batch(batch, place.topic, partition=0))
    consumer = await kafka.consumer()
    consumer.assign([place])
    record = await consumer.getone()
    assert (record.topic, record.partition, record.offset) == (place.topic, 0, 0)
    assert (record.key, record.value, record.headers) == (b"k", None, (("h", b"1"), ("h", b"2")))


@contract
async def test_begin_and_end_are_known_of_empty_full_and_deleted_partitions(kafka: Contract) -> None:
    empty, full = await kafka.places(2)
    consumer, admin = await kafka.consumer(), await kafka.admin()
    await kafka.send(full, *ABCDE)
    assert await consumer.beginning_offsets([empty, full]) == {empty: 0, full: 0}
    assert await consumer.end_offsets([empty, full]) == {empty: 0, full: 5}
    await admin.delete_records({full: RecordsToDelete(before_offset=3)})
    assert await consumer.beginning_offsets([full]) == {full: 3}
    assert await consumer.end_offsets([full]) == {full: 5}


@contract
async def test_the_offsets_of_a_missing_topic_are_a_time_out(kafka: Contract) -> None:
    consumer = await kafka.consumer()
    missing = TopicPartition(f"{kafka.name}.missing", 0)
    for ask in (consumer.beginning_offsets, consumer.end_offsets):
        with pytest.raises(KafkaTimeoutError):
            await ask([missing])


@contract
async def test_a_poll_is_bounded_by_records_and_empty_after_its_wait(kafka: Contract) -> None:
    consumer, place = await reading(kafka, *ABCDE)
    first = await consumer.getmany(timeout_ms=2_000, max_records=2)
    assert 1 <= len(first[place]) <= 2
    await values_of(consumer, 5 - len(first[place]))
    assert await consumer.getmany(timeout_ms=100) == {}
    assert await consumer.position(place) == 5
    assert consumer.highwater(place) == 5


@contract
async def test_a_poll_waits_for_a_record(kafka: Contract) -> None:
    consumer, place = await reading(kafka)
    polling = asyncio.ensure_future(consumer.getmany(timeout_ms=10_000))
    await asyncio.sleep(0.3)
    assert not polling.done()
    await kafka.send(place, b"late")
    assert [record.value for record in (await polling)[place]] == [b"late"]


@contract
async def test_a_poll_of_one_partition_keeps_those_of_the_others(kafka: Contract) -> None:
    one, two = await kafka.places(2)
    await kafka.send(one, b"1")
    await kafka.send(two, b"2")
    consumer = await kafka.consumer()
    consumer.assign([one, two])
    assert await values_of(consumer, 1, two) == [b"2"]
    assert await consumer.position(one) == 0
    assert await values_of(consumer, 1) == [b"1"]


@contract
async def test_a_seek_discards_what_was_fetched(kafka: Contract) -> None:
    consumer, place = await reading(kafka, *ABCDE)
    assert (await consumer.getone()).value == b"a"
    consumer.seek(place, 3)
    assert await consumer.position(place) == 3
    assert (await consumer.getone()).value == b"d"
    consumer.seek(place, 0)
    assert await values_of(consumer, 5) == list(ABCDE)
    await consumer.seek_to_beginning(place)
    assert (await consumer.getone(place)).value == b"a"


@contract
async def test_a_paused_partition_gives_nothing_and_keeps_its_place(kafka: Contract) -> None:
    consumer, place = await reading(kafka, *ABCDE)
    assert (await consumer.getone()).value == b"a"
    consumer.pause(place)
    assert await consumer.getmany(timeout_ms=300) == {}
    assert await consumer.getmany(place, timeout_ms=300) == {}
    assert await consumer.position(place) == 1
    consumer.resume(place)
    assert (await consumer.getone()).value == b"b"


@contract
async def test_a_new_assignment_forgets_pauses_and_places(kafka: Contract) -> None:
    consumer, place = await reading(kafka, *ABCDE)
    consumer.seek(place, 3)
    consumer.pause(place)
    consumer.assign([place])
    assert (await consumer.getone()).value == b"a"


@contract
async def test_without_a_place_earliest_begins_at_the_first_record(kafka: Contract) -> None:
    [place] = await kafka.places()
    await kafka.send(place, *ABCDE)
    await (await kafka.admin()).delete_records({place: RecordsToDelete(before_offset=2)})
    consumer = await kafka.consumer("earliest")
    consumer.assign([place])
    assert await consumer.position(place) == 2
    assert (await consumer.getone()).value == b"c"


@contract
async def test_without_a_place_latest_begins_at_the_end(kafka: Contract) -> None:
    [place] = await kafka.places()
    await kafka.send(place, *ABCDE)
    consumer = await kafka.consumer("latest")
    consumer.assign([place])
    assert await consumer.position(place) == 5
    await kafka.send(place, b"f")
    assert (await consumer.getone()).value == b"f"


@contract
async def test_without_a_place_none_is_an_error(kafka: Contract) -> None:
    [place] = await kafka.places()
    consumer = await kafka.consumer("none")
    consumer.assign([place])
    with pytest.raises(NoOffsetForPartitionError):
        await consumer.getmany(timeout_ms=5_000)


async def deleted_up_to_three(kafka: Contract, reset: str) -> tuple[Any, TopicPartition]:
    """A consumer, and a partition whose offsets are 3 and 4."""
    consumer, place = await reading(kafka, *ABCDE, reset=reset)
    await (await kafka.admin()).delete_records({place: RecordsToDelete(before_offset=3)})
    return consumer, place


@contract
async def test_a_place_out_of_range_begins_at_the_first_record_with_earliest(kafka: Contract) -> None:
    consumer, place = await deleted_up_to_three(kafka, "earliest")
    for offset in (0, 9):
        consumer.seek(place, offset)
        assert (await consumer.getone()).value == b"d"


@contract
async def test_a_place_out_of_range_begins_at_the_end_with_latest(kafka: Contract) -> None:
    consumer, place = await deleted_up_to_three(kafka, "latest")
    consumer.seek(place, 0)
    assert await consumer.getmany(timeout_ms=500) == {}
    assert await consumer.position(place) == 5


@contract
async def test_a_place_out_of_range_is_an_error_with_none(kafka: Contract) -> None:
    consumer, place = await deleted_up_to_three(kafka, "none")
    for offset in (0, 9):
        consumer.seek(place, offset)
        with pytest.raises(OffsetOutOfRangeError) as raised:
            await consumer.getmany(timeout_ms=5_000)
        assert raised.value.args == ({place: offset},)
    consumer.seek(place, 4)
    assert (await consumer.getone()).value == b"e"


@contract
async def test_a_place_at_the_end_is_in_range(kafka: Contract) -> None:
    consumer, place = await reading(kafka, *ABCDE, reset="none")
    consumer.seek(place, 5)
    assert await consumer.getmany(timeout_ms=300) == {}
    await kafka.send(place, b"f")
    assert (await consumer.getone()).value == b"f"


@contract
async def test_fetched_records_outlive_their_deletion(kafka: Contract) -> None:
    consumer, place = await reading(kafka, *ABCDE)
    assert (await consumer.getone()).value == b"a"
    await (await kafka.admin()).delete_records({place: RecordsToDelete(before_offset=5)})
    await kafka.send(place, b"f")
    values = []
    while b"f" not in values:
        values += await values_of(consumer, 1)
    fetched = len(values) - 1  # how many the first fetch had brought is the client's choice
    assert values == [*ABCDE[1 : 1 + fetched], b"f"]


@contract
async def test_a_stopped_consumer_gives_nothing_more(kafka: Contract) -> None:
    consumer, _ = await reading(kafka)
    waiting = asyncio.ensure_future(consumer.getmany(timeout_ms=20_000))
    await asyncio.sleep(0.2)
    await consumer.stop()
    assert await waiting == {}
    with pytest.raises(ConsumerStoppedError):
        await consumer.getmany(timeout_ms=100)
    with pytest.raises(ConsumerStoppedError):
        await consumer.getone()


@contract
async def test_who_has_no_group_commits_nothing(kafka: Contract) -> None:
    consumer, place = await reading(kafka)
    with pytest.raises(IllegalOperation):
        await consumer.commit({place: OffsetAndMetadata(1, "")})


@contract
async def test_a_deleted_topic_is_silent_and_read_from_the_beginning_once_recreated(kafka: Contract) -> None:
    consumer, place = await reading(kafka, *ABCDE)
    assert await values_of(consumer, 5) == list(ABCDE)
    await kafka.delete_topic(place.topic)
    assert await consumer.getmany(timeout_ms=300) == {}
    await kafka.topic()
    await kafka.send(place, b"f", b"g")
    assert await values_of(consumer, 2) == [b"f", b"g"]


@contract
async def test_a_recreated_topic_that_has_grown_is_read_from_the_middle(kafka: Contract) -> None:
    consumer, place = await reading(kafka, b"a", b"b")
    assert await values_of(consumer, 2) == [b"a", b"b"]
    consumer.pause(place)
    await kafka.delete_topic(place.topic)
    await kafka.topic()
    await kafka.send(place, *ABCDE)
    consumer.resume(place)
    assert await values_of(consumer, 3) == [b"c", b"d", b"e"]
