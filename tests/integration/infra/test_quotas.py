"""A foreign client that takes too much is slowed down by the broker; the services' own clients are not."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from aiokafka import TopicPartition

from infra.local.home import Home
from infra.local.kafka import KafkaServer
from infra.local.ports import free_ports
from infra.local.quotas import DEFAULT, FOREIGN, SERVICES, UNLIMITED, QuotaAdmin, ensure_quotas
from infra.local.topics import ensure_topics
from shared.kafka.aio_clients import AioKafkaClients

TOPIC = "rahnama.inbound"
PLACE = TopicPartition(TOPIC, 0)
SMALL = {"producer_byte_rate": 65_536.0, "consumer_byte_rate": 65_536.0, "request_percentage": 200.0}
RECORD = bytes(100_000)
RECORDS = 20
"""Together 2 MB; a client may use 64 KB a second on the average of at most 11 seconds."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def bootstrap() -> AsyncIterator[str]:
    """Of a broker of its own: quotas are of the whole cluster, and would slow down other tests."""
    home = Home.from_environment()
    with home.scratch_folder("tests") as folder:
        server = KafkaServer(home, folder / "kafka", free_ports(1)[0])
        await server.start()
        try:
            await ensure_topics(server.bootstrap, partitions=1)
            yield server.bootstrap
        finally:
            await server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def admin(bootstrap: str) -> AsyncIterator[QuotaAdmin]:
    started = QuotaAdmin(bootstrap_servers=bootstrap)
    await started.start()
    try:
        yield started
    finally:
        await started.close()


class Throttled:
    """The longest time that the broker has held a client back, as its answers report it."""

    def __init__(self, client: Any) -> None:
        self.milliseconds = 0
        self._send = client.send
        client.send = self._watched

    async def _watched(self, *given: Any, **options: Any) -> Any:
        answer = await self._send(*given, **options)
        self.milliseconds = max(self.milliseconds, getattr(answer, "throttle_time_ms", 0))
        return answer


async def throttled_producing(bootstrap: str, client_id: str) -> int:
    """Milliseconds, of a client that produces 2 MB at once, or until it is throttled."""
    producer = await AioKafkaClients(bootstrap, client_id).producer(acks="all")
    try:
        throttled = Throttled(producer.client)
        for _ in range(RECORDS):
            if not throttled.milliseconds:
                await producer.send_and_wait(TOPIC, RECORD, partition=0)
        return throttled.milliseconds
    finally:
        await producer.stop()


async def throttled_consuming(bootstrap: str, client_id: str) -> int:
    """Milliseconds, of a client that reads 2 MB at once, or until it is throttled."""
    consumer = await AioKafkaClients(bootstrap, client_id).consumer(max_partition_fetch_bytes=200_000)
    try:
        throttled = Throttled(consumer._client)
        consumer.assign([PLACE])
        await consumer.seek_to_beginning(PLACE)
        for _ in range(RECORDS):
            if not throttled.milliseconds:
                await consumer.getone()
        return throttled.milliseconds
    finally:
        await consumer.stop()


async def test_quotas_are_set_once_and_those_that_an_operator_changed_stay(
    bootstrap: str, admin: QuotaAdmin
) -> None:
    await admin.add_quotas({DEFAULT: {"consumer_byte_rate": 5.0}, SERVICES[0]: {"producer_byte_rate": 7.0}})
    assert set(await ensure_quotas(bootstrap)) == {DEFAULT, *SERVICES}
    expected: dict[str | None, Any] = {
        DEFAULT: {**FOREIGN, "consumer_byte_rate": 5.0},
        **dict.fromkeys(SERVICES, UNLIMITED),
    }
    expected[SERVICES[0]] = {**UNLIMITED, "producer_byte_rate": 7.0}
    assert await admin.quotas() == expected
    assert await ensure_quotas(bootstrap) == []
    assert await admin.quotas() == expected


async def test_a_foreign_client_is_throttled_and_no_service(bootstrap: str, admin: QuotaAdmin) -> None:
    await ensure_quotas(bootstrap)
    await admin.add_quotas({DEFAULT: SMALL, **dict.fromkeys(SERVICES, UNLIMITED)})
    for service in SERVICES:
        assert await throttled_producing(bootstrap, service) == 0
        assert await throttled_consuming(bootstrap, service) == 0
    assert await throttled_producing(bootstrap, "upstream") > 0
    assert await throttled_consuming(bootstrap, "reporting") > 0
