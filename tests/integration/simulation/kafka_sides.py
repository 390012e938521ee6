"""The two sides of the contract of Kafka's clients: the simulation's double, and a broker."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiokafka import TopicPartition

from shared.kafka.aio_clients import AioKafkaClients
from shared.kafka.clients import KafkaClients
from tests.proxy import proxied
from tests.simulation.broker import Broker, Entry
from tests.simulation.kafka import Kafka
from tests.simulation.processes import Process, run_in


class Link(Protocol):
    """What lies between clients and their broker."""

    def hold_up(self) -> None:
        """Requests are never answered."""

    def cut(self) -> object:
        """Connections end; what was sent may have arrived."""


class DoubleLink:
    """In memory."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def hold_up(self) -> None:
        """Requests are never answered."""
        self._broker.fate = lambda what: "silent"

    def cut(self) -> None:
        """The answers of what was sent, and is sent next, are lost."""

        def once(what: str) -> str | None:
            if what != "produce":
                return None
            self._broker.fate = lambda what: None
            return "lost after"

        self._broker.fate = once


class Side(Protocol):
    """What a contract is written against: the clients, and what only an operator or a fault does."""

    clients: KafkaClients

    async def delete_topic(self, name: str) -> None:
        """Returns when it is gone."""

    async def send(self, place: TopicPartition, *values: bytes | None) -> None:
        """One record for each value."""

    def linked_clients(self) -> Any:
        """An asynchronous context: clients, and their `Link` with the broker."""

    def silent_clients(self) -> Any:
        """An asynchronous context: clients; what cuts them off without a word; and what runs work where they live."""


class RealSide:
    """A broker."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self.clients: KafkaClients = AioKafkaClients(bootstrap)

    async def delete_topic(self, name: str) -> None:
        """Returns when it is gone."""
        admin = await self.clients.admin()
        try:
            await admin.delete_topics([name])
            while name in await admin.list_topics():  # noqa: ASYNC110 (Kafka deletes later)
                await asyncio.sleep(0.05)
        finally:
            await admin.close()

    async def send(self, place: TopicPartition, *values: bytes | None) -> None:
        """One record for each value."""
        producer = await self.clients.producer(acks="all")
        try:
            for value in values:
                await producer.send_and_wait(place.topic, value, key=b"k", partition=place.partition)
        finally:
            await producer.stop()

    @asynccontextmanager
    async def linked_clients(self) -> AsyncIterator[tuple[KafkaClients, Link]]:
        """Clients behind a proxy."""
        async with proxied(self._bootstrap) as proxy:
            yield AioKafkaClients(proxy.bootstrap), proxy

    @asynccontextmanager
    async def silent_clients(self) -> AsyncIterator[tuple[KafkaClients, Callable[[], None], Any]]:
        """Clients behind a proxy."""

        async def run(work: Callable[[], Awaitable[Any]]) -> Any:
            return await work()

        async with proxied(self._bootstrap) as proxy:
            yield AioKafkaClients(proxy.bootstrap), proxy.hold_up, run


class DoubleSide:
    """The broker in memory."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.clients: KafkaClients = Kafka(broker)

    async def delete_topic(self, name: str) -> None:
        """Returns when it is gone."""
        self._broker.delete_topic(name)

    async def send(self, place: TopicPartition, *values: bytes | None) -> None:
        """One record for each value."""
        assert self._broker.append(place, [Entry(b"k", value) for value in values]) is not None

    @asynccontextmanager
    async def linked_clients(self) -> AsyncIterator[tuple[KafkaClients, Link]]:
        """Clients of a broker whose requests meet a fate."""
        yield self.clients, DoubleLink(self._broker)
        self._broker.fate = lambda what: None

    @asynccontextmanager
    async def silent_clients(self) -> AsyncIterator[tuple[KafkaClients, Callable[[], None], Any]]:
        """Clients of a process that is killed."""
        process = Process("silent")

        async def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
            return await run_in(process, self._broker.loop, work()) if process.alive else None

        yield self.clients, process.kill, run
