"""The local servers come back with their data: after a stop, and after SIGKILL."""

import asyncio
import signal
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from aiokafka import TopicPartition

from infra.local.errors import PartFailedError
from infra.local.home import Home
from infra.local.kafka import KafkaServer
from infra.local.managed_process import ManagedProcess
from infra.local.ports import free_ports
from infra.local.postgres import PostgresServer
from infra.local.topics import ensure_topics
from shared.kafka.closing_clients import Consumer, Producer


@pytest_asyncio.fixture(loop_scope="session")
async def kafka() -> AsyncIterator[KafkaServer]:
    home = Home.from_environment()
    with home.scratch_folder("tests") as folder:
        server = KafkaServer(home, folder / "kafka", free_ports(1)[0])
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def cluster() -> AsyncIterator[PostgresServer]:
    with Home.from_environment().scratch_folder("tests") as folder:
        server = PostgresServer(folder / "postgres")
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


async def restart(part: ManagedProcess, number: signal.Signals) -> None:
    """End it by this signal, then start it on the same data."""
    assert part.child is not None
    await part.child.stop(number, 20)
    assert not part.running
    await part.start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_kafka_keeps_what_it_acknowledged(kafka: KafkaServer, number: signal.Signals) -> None:
    await ensure_topics(kafka.bootstrap, partitions=2)
    async with Producer(bootstrap_servers=kafka.bootstrap, acks="all") as producer:
        await producer.send_and_wait("rahnama.intake", b"kept", partition=1)
    await restart(kafka, number)
    assert await ensure_topics(kafka.bootstrap, partitions=2) == []
    async with Consumer(bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition("rahnama.intake", 1)])
        assert (await consumer.getone()).value == b"kept"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_postgres_keeps_what_it_committed(cluster: PostgresServer, number: signal.Signals) -> None:
    connection = await asyncpg.connect(cluster.admin_dsn)
    await connection.execute("CREATE TABLE kept (value int); INSERT INTO kept VALUES (7)")
    await restart(cluster, number)
    connection.terminate()
    connection = await asyncpg.connect(cluster.admin_dsn)
    try:
        assert await connection.fetchval("SELECT value FROM kept") == 7
    finally:
        await connection.close()


async def test_what_is_committed_is_on_disk(cluster: PostgresServer) -> None:
    connection = await asyncpg.connect(cluster.admin_dsn)
    try:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums", "autovacuum"):
            assert await connection.fetchval("SELECT current_setting($1)", setting) == "on"
    finally:
        await connection.close()


async def test_a_server_that_cannot_start_says_why_and_leaves_nothing(cluster: PostgresServer) -> None:
    second = PostgresServer(cluster.log.parent)
    with pytest.raises(PartFailedError, match=r"lock file .* already exists"):
        await second.start()
    assert not second.running
    assert cluster.running


@pytest.mark.parametrize("at", ["PG_VERSION", "base/1/PG_VERSION"])
async def test_a_cluster_whose_making_was_interrupted_is_made_anew(at: str) -> None:
    with Home.from_environment().scratch_folder("tests") as folder:
        server = PostgresServer(folder / "postgres")
        starting = asyncio.create_task(server.start())
        while not (folder / "postgres" / "data.new" / at).exists():
            assert not starting.done()
            await asyncio.sleep(0.001)
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        try:
            await server.start()
        finally:
            await server.stop()
