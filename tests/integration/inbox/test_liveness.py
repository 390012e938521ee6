"""Lag and alarms on a real Kafka where nothing is applied: held, foreign and unconsumed partitions, missing topics."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from structlog.testing import capture_logs

from shared.inbox.log_inbox import LogInbox
from shared.kafka.closing_clients import Consumer
from tests.deadlines import until
from tests.integration.inbox.adder import Adder, Sum, chain, inbox, publish, reached, reading
from tests.invariants.reading import admin_of

if TYPE_CHECKING:
    from tests.servers import MakesTopics

ALARM_SECONDS = 30.0


@asynccontextmanager
async def foreign_member(bootstrap: str, group: str, topic: str) -> AsyncIterator[Consumer]:
    """Another client that joins the group and applies nothing."""
    thief = Consumer(
        topic, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False, session_timeout_ms=6000,
        partition_assignment_strategy=[RoundRobinPartitionAssignor],
    )  # fmt: skip
    await thief.start()
    try:
        yield thief
    finally:
        await thief.stop()


def lag_of(member: LogInbox[Sum], partitions: Iterable[int]) -> list[float]:
    lags = {labels["partition"]: value for value, labels in member._gauges.lag_records()}
    return [lags.get(partition, -1.0) for partition in partitions]


async def newest_of(member: LogInbox[Sum], partition: int) -> int:
    return next(item.newest for item in await member.positions() if item.partition == partition)


async def test_a_held_partition_shows_its_real_lag(adder: Adder, topics: "MakesTopics") -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(50)
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, events[:10])
        await reached(adder, {0: 10})
        await publish(kafka.bootstrap, topic, [b"not an event"])
        await until(lambda: len(member.held()) == 1)
        await publish(kafka.bootstrap, topic, events[10:])
        await until(lambda: lag_of(member, [0]) == [40.0], ALARM_SECONDS)
        assert await newest_of(member, 0) == 50
        [seconds] = [value for value, labels in member._gauges.lag_time() if labels["partition"] == 0]
        assert seconds > 0
        assert member.ready() is None  # the other partitions go on


async def test_a_held_partition_whose_last_record_is_garbage_shows_a_lag(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(20)
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, events[:10])
        await reached(adder, {0: 10})
        await publish(kafka.bootstrap, topic, [b"not an event", *events[10:], b"not an event"])
        await until(lambda: lag_of(member, [0]) == [12.0], ALARM_SECONDS)


async def test_partitions_that_a_foreign_member_took_show_their_lag_and_an_alarm(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic = kafka.name("rahnama.intake")
    with capture_logs() as logs:
        async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
            async with foreign_member(kafka.bootstrap, f"adder.{topic}", topic) as thief:
                await until(lambda: len(thief.assignment()) == 1)
                [taken] = thief.assignment()
                await publish(
                    kafka.bootstrap, topic, chain(30, partition=taken.partition), partition=taken.partition
                )
                await until(lambda: "no instance consumes" in (member.ready() or ""), ALARM_SECONDS)
                await until(lambda: lag_of(member, [taken.partition]) == [30.0], ALARM_SECONDS)
                assert await newest_of(member, taken.partition) == 30
                [trouble] = member.troubles()
                assert "foreign member" in trouble
                assert [value for value, _ in member._group_watch.foreign_members()] == [1.0]
                assert [value for value, _ in member._group_watch.unconsumed()] == [1.0]
            await reached(adder, {taken.partition: 30})
            await until(lambda: member.ready() is None and not member.troubles(), ALARM_SECONDS)
    events = [line["event"] for line in logs]
    assert events.count("foreign_member_found") == 1
    assert events.count("partition_unconsumed") == 1
    assert "partitions_consumed_again" in events


async def test_a_second_instance_is_no_foreign_member(adder: Adder, topics: "MakesTopics") -> None:
    kafka = await topics(partitions=2)
    topic = kafka.name("rahnama.intake")
    async with (
        reading(inbox(adder, kafka.bootstrap, topic)) as first,
        reading(inbox(adder, kafka.bootstrap, topic)) as second,
    ):
        await asyncio.sleep(12)  # two looks
        for member in (first, second):
            assert member.ready() is None
            assert member.troubles() == []
            assert [value for value, _ in member._group_watch.unconsumed()] == [0.0]


async def test_a_missing_topic_is_an_alarm_until_it_is_there_again(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic = kafka.name("rahnama.intake")
    with capture_logs() as logs:
        async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
            async with admin_of(kafka.bootstrap) as admin:
                await admin.delete_topics([topic])
            await until(lambda: "is missing" in (member.ready() or ""), ALARM_SECONDS)
            assert [value for value, _ in member._group_watch.topics_missing()] == [1.0]
    assert [line["topic"] for line in logs if line["event"] == "topic_missing"] == [topic]


async def test_the_lag_of_another_instance_is_counted_here_too(adder: Adder, topics: "MakesTopics") -> None:
    kafka = await topics(partitions=2)
    topic = kafka.name("rahnama.intake")
    async with (
        reading(inbox(adder, kafka.bootstrap, topic)) as first,
        reading(inbox(adder, kafka.bootstrap, topic)) as second,
    ):
        await until(lambda: all(len(list(member._partitions)) == 1 for member in (first, second)))
        [theirs] = [assigned.place for assigned in second._partitions]
        assert isinstance(theirs, TopicPartition)
        events = chain(20, partition=theirs.partition)
        await publish(
            kafka.bootstrap, topic, [*events[:5], b"not an event", *events[5:]], partition=theirs.partition
        )
        await until(lambda: lag_of(first, [theirs.partition]) == [15.0], ALARM_SECONDS)
        assert first.ready() is None
