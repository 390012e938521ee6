"""A broker that is killed while events are published leaves no hole, and the log goes on growing meanwhile."""

import asyncio
import secrets

from infra.local.databases import ServiceDatabase
from infra.local.home import Home
from infra.local.kafka import KafkaServer
from infra.local.ports import free_ports
from tests.integration.relay.harness import (
    PARTITIONS,
    RelayHarness,
    empty_log,
    laid,
    sequences,
    until_published,
)


async def test_a_broker_killed_under_load_leaves_no_hole(log_database: ServiceDatabase) -> None:
    home = Home.from_environment()
    await empty_log(log_database)
    with home.scratch_folder("tests") as folder:
        broker = KafkaServer(home, folder / "kafka", free_ports(1)[0])
        await broker.start()
        try:
            async with laid(log_database, broker.bootstrap, f"killed-{secrets.token_hex(3)}") as harness:
                await _kill_under_load(harness, broker)
        finally:
            await broker.stop()


async def _kill_under_load(harness: RelayHarness, broker: KafkaServer) -> None:
    enough = asyncio.Event()
    counts = [0] * PARTITIONS

    async def write(partition: int) -> None:
        while not enough.is_set():
            counts[partition] += len(await harness.append(50, partition=partition, relay=relay))
            await asyncio.sleep(0.01)

    async with harness.running() as relay:
        async with asyncio.TaskGroup() as writers:
            for partition in range(PARTITIONS):
                writers.create_task(write(partition))
            await asyncio.sleep(1)
            broker.kill()
            await asyncio.sleep(0.5)
            assert relay.ready() is None  # an open gate stays open without Kafka
            await broker.start()
            await asyncio.sleep(0.5)
            enough.set()
        for partition in range(PARTITIONS):
            await until_published(relay, counts[partition], partition=partition, seconds=30)
            found = sequences(await harness.values(partition))
            reached = 0
            for sequence in found:
                assert sequence <= reached + 1, f"a hole after {reached}"
                reached = max(reached, sequence)
            assert reached == counts[partition] > 0
