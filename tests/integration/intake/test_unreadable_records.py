"""What aiokafka itself cannot read does not stop the other partitions, and loses nothing of them."""

import asyncio
import json

import pytest

from shared.kafka.closing_clients import Producer
from tests.integration.intake.harness import Intake, student
from tests.integration.intake.unreadable import write_header_name_that_is_no_utf8


async def test_a_header_name_that_is_no_utf8_neither_stops_nor_loses_anything(intake: Intake) -> None:
    sent = {
        partition: [
            json.dumps(student(5000 + 10 * partition + n, f"u-{partition}-{n}")).encode() for n in range(5)
        ]
        for partition in range(12)
    }
    await write_header_name_that_is_no_utf8(
        intake.topics, json.dumps(student(5900, "u-bad")).encode(), partition=7
    )
    await asyncio.gather(
        *(intake.write_inbound(*values, partition=partition) for partition, values in sent.items())
    )
    for partition, values in sent.items():
        for n in range(len(values)):
            assert (await intake.answered(f"u-{partition}-{n}"))["status"] == "accepted"
    assert (await intake.answered("u-bad"))["status"] == "accepted"


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
async def test_every_compression_that_kafka_knows_is_read(intake: Intake, compression: str) -> None:
    producer = Producer(bootstrap_servers=intake.topics.bootstrap, compression_type=compression)
    await producer.start()
    try:
        number = 6000 + sum(compression.encode())
        value = json.dumps(student(number, f"u-{compression}")).encode()
        await producer.send_and_wait(intake.topics.name("rahnama.inbound"), value, partition=4)
    finally:
        await producer.stop()
    assert (await intake.answered(f"u-{compression}"))["status"] == "accepted"
