"""`rahnama.rejections`: whoever listens learns that an event was refused and why, and nothing of what it said."""

import asyncio
import json

from shared.contracts.partitions import pool_partition
from tests.integration.intake.harness import CANARY, Intake, student


async def test_a_refused_event_is_told_with_codes_and_pointers_and_never_with_its_content(
    intake: Intake,
) -> None:
    sent = student(4001, "rejected-1", gender=7)
    refused = await intake.send(sent)
    await told_of(intake, "rejection_id = $1", refused["rejection_id"])

    records = await intake.read_topic("rahnama.rejections", 1)
    told = {json.loads(record.value)["id"]: record for record in records}
    record = told[refused["rejection_id"]]
    document = json.loads(record.value)
    assert document["type"] == "rahnama.intake.event.rejected.v1"
    assert document["causationid"] == refused["causation_id"]
    assert document["data"] == {
        "rejection_id": refused["rejection_id"],
        "door": "http",
        "inbound": None,
        "type": "rahnama.student.registered.v1",
        "errors": [{"pointer": "/data/gender", "code": "GENDER_INVALID"}],
        "centers": [sent["data"]["reg_center"]],
    }
    assert record.partition == pool_partition("default", 0, 12)
    assert record.key == b"default/0"
    for secret in (CANARY, sent["data"]["national_id"], sent["data"]["mobile"]):
        assert secret.encode() not in record.value


async def test_what_was_refused_over_kafka_is_told_with_its_place(intake: Intake) -> None:
    await intake.write_inbound(b"no event at all", partition=5)
    await told_of(intake, "inbound_partition = $1", 5)

    records = [json.loads(record.value) for record in await intake.read_topic("rahnama.rejections", 1)]
    places = [document["data"]["inbound"] for document in records]
    assert {"partition": 5, "offset": 0} in places
    assert len({document["id"] for document in records}) == len(records)


async def told_of(intake: Intake, which: str, value: object) -> None:
    """Returns when the rejection is marked as told; bounded."""
    for _ in range(200):
        if await intake.rows(f"select from rejections where published and {which}", value):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"no event told of the rejection with {which} {value}")
