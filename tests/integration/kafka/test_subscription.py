"""A group's member leaves nothing open, and can be started again after a start that failed or was cancelled."""

import asyncio
import itertools
import socket
from collections.abc import Iterable

import pytest
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaConnectionError

from shared.kafka.aio_clients import AioKafkaClients
from shared.kafka.clients import Found, Records, Subscription
from shared.kafka.polling import Polling
from tests.integration.kafka.cancelled import cancelled_at, nothing_left_open
from tests.proxy import proxied
from tests.servers import MakesTopics

BOUND_SECONDS = 60
POLLING = Polling(poll_seconds=0.05, session_timeout_seconds=1.5)


class Member(ConsumerRebalanceListener):
    """Takes what comes; `values` has it, `assigned` is set while the group has given it partitions."""

    def __init__(self) -> None:
        self.values: list[bytes | None] = []
        self.came = asyncio.Event()
        self.assigned = asyncio.Event()

    async def handle(self, records: Records) -> None:
        self.values += [record.value for record in records]
        self.came.set()

    def drained(self, found: Found) -> None:
        pass

    def polled(self, asked_ns: int, got_ns: int) -> None:
        """Nothing is traced."""

    async def interrupted(self) -> None:
        pass

    async def unreadable(self, place: TopicPartition, error: Exception) -> None:
        pass

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self.assigned.clear()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.assigned.set()

    def of(self, bootstrap: str, group: str, topic: str) -> Subscription:
        return AioKafkaClients(bootstrap).subscription(
            group, [topic], POLLING, handle=self.handle, reader=self, listener=self
        )


async def started_and_stopped(subscription: Subscription) -> None:
    """A member's whole life."""
    try:
        await subscription.start()
    finally:
        await subscription.stop()


async def test_a_member_that_is_cancelled_at_any_step_leaves_nothing_open(topics: MakesTopics) -> None:
    made = await topics(partitions=1)
    async with asyncio.timeout(BOUND_SECONDS):
        for step in itertools.count(1):
            async with nothing_left_open():
                subscription = Member().of(
                    made.bootstrap, made.prefix + str(step), made.name("rahnama.inbound")
                )
                if not await cancelled_at(started_and_stopped(subscription), step, step + 1):
                    break
    assert step > 5


async def test_a_member_whose_start_was_cancelled_starts_again_and_reads(topics: MakesTopics) -> None:
    made = await topics(partitions=1)
    topic = made.name("rahnama.inbound")
    producer = await AioKafkaClients(made.bootstrap).producer(acks="all")
    await producer.send_and_wait(topic, b"one", partition=0)
    await producer.stop()
    async with asyncio.timeout(BOUND_SECONDS), nothing_left_open():
        member = Member()
        subscription = member.of(made.bootstrap, made.prefix, topic)
        assert await cancelled_at(subscription.start(), 4)
        await subscription.stop()
        assert subscription.consumer is None
        await subscription.start()
        assert subscription.consumer is not None
        await member.came.wait()
        await subscription.stop()
    assert member.values == [b"one"]


async def test_a_member_stops_though_its_broker_has_fallen_silent(topics: MakesTopics) -> None:
    made = await topics(partitions=1)
    async with (
        asyncio.timeout(BOUND_SECONDS),
        nothing_left_open(),
        proxied(made.bootstrap) as proxy,
    ):
        member = Member()
        subscription = member.of(proxy.bootstrap, made.prefix, made.name("rahnama.inbound"))
        await subscription.start()
        await member.assigned.wait()
        proxy.hold_up()
        await subscription.stop()


async def test_a_member_starts_nowhere_and_leaves_nothing_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        bootstrap = f"127.0.0.1:{server.getsockname()[1]}"
        async with nothing_left_open():
            subscription = Member().of(bootstrap, "group", "topic")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await subscription.start()
            await subscription.stop()
    async with nothing_left_open():
        subscription = Member().of(bootstrap, "group", "topic")
        with pytest.raises(KafkaConnectionError):
            await subscription.start()
        await subscription.stop()
