"""A client leaves nothing open: not when its start or its end is cancelled, nor when the broker is silent or gone."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaError

from shared.kafka.aio_clients import AioKafkaClients
from tests.integration.kafka.cancelled import cancelled_at, nothing_left_open
from tests.proxy import proxied

Opening = Callable[[AioKafkaClients], Coroutine[Any, Any, Any]]

BOUND_SECONDS = 20
KINDS: dict[str, Opening] = {
    "producer": lambda kafka: kafka.producer(acks="all", enable_idempotence=True, request_timeout_ms=1000),
    "consumer": lambda kafka: kafka.consumer(auto_offset_reset="earliest", request_timeout_ms=1000),
    "admin": lambda kafka: kafka.admin(request_timeout_ms=1000),
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def ended(client: Any) -> Coroutine[Any, Any, None]:
    """The end of any client."""
    end: Coroutine[Any, Any, None] = client.close() if hasattr(client, "list_topics") else client.stop()
    return end


async def opened_and_ended(kind: str, kafka: AioKafkaClients) -> None:
    """A client's whole life."""
    await ended(await KINDS[kind](kafka))


@asynccontextmanager
async def silent_port() -> AsyncIterator[str]:
    """It accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@each_kind
async def test_a_start_or_an_end_that_is_cancelled_at_any_step_leaves_nothing_open(
    kind: str, kafka_bootstrap: str
) -> None:
    kafka = AioKafkaClients(kafka_bootstrap)

    async with asyncio.timeout(BOUND_SECONDS):
        for step in itertools.count(1):
            async with nothing_left_open():
                if not await cancelled_at(opened_and_ended(kind, kafka), step):
                    break
    assert step > 5


@each_kind
async def test_one_that_is_cancelled_again_while_it_cleans_up_leaves_nothing_open(
    kind: str, kafka_bootstrap: str
) -> None:
    kafka = AioKafkaClients(kafka_bootstrap)
    async with asyncio.timeout(BOUND_SECONDS):
        for step in range(1, 12):
            async with nothing_left_open():
                await cancelled_at(opened_and_ended(kind, kafka), step, step + 1, step + 2)


@each_kind
async def test_a_start_at_a_port_that_never_answers_leaves_nothing_open(kind: str) -> None:
    async with silent_port() as bootstrap, asyncio.timeout(BOUND_SECONDS):
        for seconds in (0, 0.001, 0.01, 0.1):
            async with nothing_left_open():
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await KINDS[kind](AioKafkaClients(bootstrap))
        async with nothing_left_open():
            with pytest.raises(KafkaConnectionError):
                await KINDS[kind](AioKafkaClients(bootstrap))


@each_kind
async def test_a_start_at_a_port_where_nobody_listens_leaves_nothing_open(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        bootstrap = f"127.0.0.1:{server.getsockname()[1]}"
    async with nothing_left_open():
        with pytest.raises(KafkaConnectionError):
            await KINDS[kind](AioKafkaClients(bootstrap))


@each_kind
async def test_the_second_of_two_brokers_is_asked_when_the_first_is_gone(
    kind: str, kafka_bootstrap: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = f"127.0.0.1:{server.getsockname()[1]}"
    async with nothing_left_open():
        await ended(await KINDS[kind](AioKafkaClients(f"{gone},{kafka_bootstrap}")))


@each_kind
async def test_a_client_whose_broker_hangs_up_at_any_moment_leaves_nothing_open(
    kind: str, kafka_bootstrap: str
) -> None:
    async with proxied(kafka_bootstrap) as proxy, asyncio.timeout(BOUND_SECONDS):
        for turns in range(12):
            async with nothing_left_open():
                opened = await KINDS[kind](AioKafkaClients(proxy.bootstrap))
                client = opened.client if kind == "producer" else opened._client
                node = client.get_random_node()
                await client.ready(node)
                proxy.cut()
                for _ in range(turns):
                    await asyncio.sleep(0)
                await client.ready(node)
                await ended(opened)


async def test_a_connection_that_is_opened_while_the_client_ends_is_closed(kafka_bootstrap: str) -> None:
    async with proxied(kafka_bootstrap) as proxy, asyncio.timeout(BOUND_SECONDS):
        for turns in range(12):
            async with nothing_left_open():
                admin = await AioKafkaClients(proxy.bootstrap).admin()
                asking = asyncio.create_task(admin.list_topics())
                for _ in range(turns):
                    await asyncio.sleep(0)
                await admin.close()
                await asyncio.gather(asking, return_exceptions=True)


async def test_a_producer_ends_though_its_broker_takes_nothing_any_more(kafka_bootstrap: str) -> None:
    async with asyncio.timeout(BOUND_SECONDS), nothing_left_open(), proxied(kafka_bootstrap) as proxy:
        producer = await AioKafkaClients(proxy.bootstrap).producer(
            acks="all", enable_idempotence=True, max_request_size=1 << 25, max_batch_size=1 << 25
        )
        batch = producer.create_batch()
        batch.append(key=None, value=bytes(1 << 24), timestamp=None)
        proxy.hold_up()
        written = asyncio.create_task(producer.send_batch(batch, "__consumer_offsets", partition=0))
        await asyncio.sleep(0.2)
        await producer.stop()
        written.cancel()
        await asyncio.gather(written, return_exceptions=True)


async def test_a_client_that_has_ended_opens_nothing_any_more(kafka_bootstrap: str) -> None:
    async with nothing_left_open():
        admin = await AioKafkaClients(kafka_bootstrap).admin()
        assert isinstance(await admin.list_topics(), list)
        await admin.close()
        with pytest.raises(KafkaError):
            await admin.list_topics()
