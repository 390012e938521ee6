"""Records that inflate a thousandfold: refused by their offsets and digest, never inflated, and passed."""

import json

import pytest

from services.intake.crypto.sealing import unseal
from shared.kafka.bounded_batches import INFLATED_BYTES
from shared.kafka.closing_clients import Producer
from tests.integration.intake.harness import Intake, student

BOMB_BYTES = 60 * 1024 * 1024


async def produce(intake: Intake, value: bytes, compression: str, partition: int) -> int:
    """The offset of one record, compressed."""
    producer = Producer(
        bootstrap_servers=intake.topics.bootstrap,
        compression_type=compression,
        max_request_size=2 * BOMB_BYTES,
        max_batch_size=2 * BOMB_BYTES,
    )
    await producer.start()
    try:
        topic = intake.topics.name("rahnama.inbound")
        written = await producer.send_and_wait(topic, value, partition=partition)
        return int(written.offset)
    finally:
        await producer.stop()


@pytest.mark.parametrize("compression", ["gzip", "lz4", "zstd"])
async def test_a_bomb_becomes_one_rejection_and_the_partition_continues(
    intake: Intake, compression: str
) -> None:
    partition = {"gzip": 1, "lz4": 2, "zstd": 3}[compression]
    offset = await produce(intake, bytes(BOMB_BYTES), compression, partition)
    number = 7000 + partition
    await intake.write_inbound(
        json.dumps(student(number, f"after-{compression}")).encode(), partition=partition
    )
    assert (await intake.answered(f"after-{compression}"))["status"] == "accepted"
    [row] = await intake.rows(
        "select errors::text as errors, sealed, tenant from rejections"
        " where inbound_partition = $1 and inbound_offset = $2",
        partition,
        offset,
    )
    [error] = json.loads(row["errors"])
    assert error["code"] == "BATCH_TOO_LARGE"
    assert f"inflate to more than {INFLATED_BYTES} bytes" in error["message"]
    assert (row["sealed"], row["tenant"]) == (None, "")


async def test_of_a_record_that_is_too_long_only_the_beginning_is_kept(intake: Intake) -> None:
    value = json.dumps(student(7100, "long", padding="x" * 700_000)).encode()
    offset = await produce(intake, value, "gzip", 4)
    refused = await intake.answered("long")
    assert [error["code"] for error in refused["errors"]] == ["EVENT_TOO_LARGE"]
    assert f"has {len(value)} bytes" in refused["errors"][0]["message"]
    [row] = await intake.rows(
        "select rejection_id::text as id, tenant, wrapped_key, sealed from rejections"
        " where inbound_partition = 4 and inbound_offset = $1",
        offset,
    )
    content = unseal(
        intake.keyring.unwrap(row["wrapped_key"]),
        row["sealed"],
        tenant=row["tenant"],
        subject=row["id"],
        kind="rejection",
    )
    assert content == value[: intake.settings.event_bytes]
