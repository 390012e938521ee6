"""What contract tests of Kafka's clients are written with; each runs on the simulation's double and on a broker."""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from functools import wraps
from typing import Any, Final

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import NewTopic

from shared.kafka.clients import Found, Records, Subscription
from shared.kafka.polling import Polling
from tests.integration.simulation.kafka_sides import DoubleSide, Link, Side
from tests.simulation.broker import Broker
from tests.simulation.loop import SimulatedLoop

BOUND_SECONDS: Final = 60
REQUEST_MILLISECONDS: Final = 2_000
POLLING: Final = Polling(poll_seconds=0.05, session_timeout_seconds=1.5)


class Member(ConsumerRebalanceListener):
    """A group's member; `course` has what its listener was called with, `values` what it was given."""

    def __init__(self, kafka: "Side", group: str, topics: Sequence[str]) -> None:
        self.course: list[tuple[str, frozenset[TopicPartition]]] = []
        self.values: list[bytes | None] = []
        self.failing: set[bytes] = set()
        self.raises_in_listener = False
        self.begin_paused = False
        self.slow_to_revoke = False
        self.given_while_revoked = 0
        self.subscription: Subscription = kafka.clients.subscription(
            group, topics, POLLING, handle=self.handle, reader=self, listener=self
        )

    @property
    def consumer(self) -> Any:
        """As the subscription has it."""
        return self.subscription.consumer

    @property
    def places(self) -> frozenset[TopicPartition]:
        """What the group has given it."""
        return self.course[-1][1] if self.course and self.course[-1][0] == "assigned" else frozenset()

    async def handle(self, records: Records) -> None:
        self.values += [record.value for record in records]
        if self.failing & {record.value for record in records}:
            raise RuntimeError("a handler that fails")

    def drained(self, found: Found) -> None:
        if self.course[-1][0] == "revoked":
            self.given_while_revoked += 1

    def polled(self, asked_ns: int, got_ns: int) -> None:
        """Nothing is traced."""

    async def interrupted(self) -> None:
        pass

    async def unreadable(self, place: TopicPartition, error: Exception) -> None:
        pass

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self.course.append(("revoked", frozenset(revoked)))
        if self.slow_to_revoke:
            await asyncio.sleep(0.5)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.course.append(("assigned", frozenset(assigned)))
        if self.begin_paused:
            self.consumer.pause(*self.consumer.assignment())
        if self.raises_in_listener:
            raise RuntimeError("a listener that fails")


class Contract:
    """`Side` for one test, with names of its own, and clients that end with the test."""

    def __init__(self, side: Side, stack: AsyncExitStack) -> None:
        self.side = side
        self.clients = side.clients
        self.stack = stack
        self.name = f"c{secrets.token_hex(4)}"
        self.delete_topic = side.delete_topic
        self.send = side.send

    async def topic(self, partitions: int = 1, name: str = "topic") -> str:
        """Creates one; its name."""
        full = f"{self.name}.{name}"
        admin = await self.admin()
        answer: Any = await admin.create_topics([NewTopic(full, partitions, 1)], timeout_ms=5_000)
        assert [error[:2] for error in answer.topic_errors] == [(full, 0)]
        while True:
            found = [topic for topic in await admin.describe_topics() if topic["topic"] == full]
            if found and all(partition["leader"] >= 0 for partition in found[0]["partitions"]):
                return full
            await asyncio.sleep(0.05)

    async def places(self, partitions: int = 1, name: str = "topic") -> list[TopicPartition]:
        """The partitions of a new topic."""
        topic = await self.topic(partitions, name)
        return [TopicPartition(topic, number) for number in range(partitions)]

    async def admin(self, **options: Any) -> Any:
        """A client for topics, closed with the test."""
        admin = await self.clients.admin(**{"request_timeout_ms": 5_000, **options})
        self.stack.push_async_callback(admin.close)
        return admin

    async def consumer(self, reset: str = "earliest", **options: Any) -> Any:
        """A consumer without a group, stopped with the test."""
        options = {"request_timeout_ms": REQUEST_MILLISECONDS, "metadata_max_age_ms": 500, **options}
        consumer = await self.clients.consumer(auto_offset_reset=reset, fetch_max_wait_ms=50, **options)
        self.stack.push_async_callback(consumer.stop)
        return consumer

    async def producer(self, **options: Any) -> Any:
        """An idempotent producer, stopped with the test."""
        options = {"request_timeout_ms": REQUEST_MILLISECONDS, "linger_ms": 0, **options}
        producer = await self.clients.producer(acks="all", enable_idempotence=True, **options)
        self.stack.push_async_callback(producer.stop)
        return producer

    async def member(self, *topics: str, begin_paused: bool = False) -> Member:
        """A started member of the test's group, stopped with the test."""
        member = Member(self, f"{self.name}.group", topics)  # type: ignore[arg-type]
        member.begin_paused = begin_paused
        self.stack.push_async_callback(member.subscription.stop)
        await member.subscription.start()
        return member

    async def linked(self) -> Link:
        """From now on the test's clients are behind a link, which is its to break."""
        self.clients, link = await self.stack.enter_async_context(self.side.linked_clients())
        return link  # type: ignore[no-any-return]

    async def silent(self, *topics: str) -> tuple[Member, Callable[[], None]]:
        """A started member, and what ends its connection with the broker without a word of it."""
        clients, hold_up, run = await self.stack.enter_async_context(self.side.silent_clients())

        async def join() -> Member:
            side: Any = type("Clients", (), {"clients": clients})
            member = Member(side, f"{self.name}.group", topics)
            await member.subscription.start()
            return member

        member = await run(join)
        self.stack.push_async_callback(run, member.subscription.stop)
        return member, hold_up


Script = Callable[[Contract], Awaitable[None]]
RunContract = Callable[[Script], Awaitable[None]]


async def run_on(side: Side, script: Script) -> None:
    """The script, within a bound, with everything closed behind it."""
    async with asyncio.timeout(BOUND_SECONDS), AsyncExitStack() as stack:
        await script(Contract(side, stack))


def run_on_double(script: Script) -> None:
    """Runs in a loop of its own; call it where no loop runs."""
    loop = SimulatedLoop(random.Random(1), shuffle=0.5)
    broker = Broker(loop, random.Random(2))
    try:
        loop.run_until_complete(run_on(DoubleSide(broker), script))
    finally:
        loop.bury()


def contract(script: Script) -> Callable[[RunContract], Awaitable[None]]:
    """A test of both sides."""

    @wraps(script)
    async def test(run_contract: RunContract) -> None:
        await run_contract(script)

    del test.__wrapped__  # pytest asks it for fixtures
    return test


async def values_of(consumer: Any, many: int, *places: TopicPartition) -> list[bytes | None]:
    """The values of the next records, in the order in which they come."""
    values: list[bytes | None] = []
    while len(values) < many:
        for records in (await consumer.getmany(*places, timeout_ms=1000)).values():
            values += [record.value for record in records]
    return values
