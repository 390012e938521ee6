"""The broker's power is cut at the moment of an acknowledgement: what was not flushed to its disk is gone."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from aiokafka import TopicPartition

from infra.local.home import Home
from infra.local.kafka import KafkaServer
from infra.local.ports import free_ports
from infra.local.topics import INBOUND, ensure_topics
from shared.kafka.aio_clients import AioKafkaClients
from tests.faults.disks import cut_power, flush, make_disk, mounted, why_no_disk

WITH_A_LOG = "rahnama.intake"
VALUES = [b"%d" % number for number in range(20)]

pytestmark = pytest.mark.skipif(why_no_disk() is not None, reason=why_no_disk() or "")


async def send(bootstrap: str, topic: str, values: Sequence[bytes]) -> None:
    """Every record is acknowledged before the next one."""
    producer = await AioKafkaClients(bootstrap).producer(acks="all", enable_idempotence=True)
    try:
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)
    finally:
        await producer.stop()


async def values_of(bootstrap: str, topic: str) -> list[bytes | None]:
    """What the broker has."""
    place = TopicPartition(topic, 0)
    consumer = await AioKafkaClients(bootstrap).consumer(auto_offset_reset="earliest")
    try:
        end = (await consumer.end_offsets([place]))[place]
        consumer.assign([place])
        return [(await consumer.getone()).value for _ in range(end)]
    finally:
        await consumer.stop()


async def write_and_cut(home: Home, image: Path, folder: Path, copy: Path) -> None:
    """A broker on a disk, records that it acknowledges, and the power that goes with the last acknowledgement."""
    with mounted(image, folder):
        server = KafkaServer(home, folder / "kafka", free_ports(1)[0])
        try:
            await server.start()
            await ensure_topics(server.bootstrap, partitions=1)
            flush(folder)
            await send(server.bootstrap, WITH_A_LOG, VALUES)
            await send(server.bootstrap, INBOUND, VALUES)
            assert server.child is not None
            os.kill(server.child.pid, signal.SIGSTOP)
            cut_power(image, copy)
        finally:
            server.kill()
            await server.stop()


async def test_inbound_keeps_what_it_acknowledged_and_topics_with_a_log_may_not(tmp_path: Path) -> None:
    home = Home.from_environment()
    image, copy = tmp_path / "disk", tmp_path / "after"
    make_disk(image)
    await write_and_cut(home, image, tmp_path / "before-mount", copy)
    folder = tmp_path / "after-mount"
    with mounted(copy, folder):
        server = KafkaServer(home, folder / "kafka", free_ports(1)[0])
        try:
            await server.start()
            assert await values_of(server.bootstrap, INBOUND) == VALUES
            # The cut was one: this topic is not flushed, and its relay fills it again from its log.
            assert len(await values_of(server.bootstrap, WITH_A_LOG)) < len(VALUES)
        finally:
            server.kill()
            await server.stop()
