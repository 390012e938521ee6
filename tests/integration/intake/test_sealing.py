"""Personal data is nowhere in plain text, and opens again with the master key alone."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.local.databases import Databases
from services.intake.crypto.key_record import open_record
from services.intake.crypto.sealing import unseal
from services.intake.relay.keys import KeyRecords
from shared.append.log import Appended
from shared.contracts.envelope import decode
from tests.integration.intake.harness import (
    CANARY,
    Intake,
    event,
    make_settings,
    mentor,
    prepare,
    running,
    student,
)
from tests.servers import MakesTopics
from tests.tokens import TestIssuer

FACT = "rahnama.intake.student.registered.v1"


async def test_no_table_and_no_topic_but_inbound_holds_personal_data(intake: Intake) -> None:
    sent = student(1)
    await intake.send_batch(
        [
            sent,
            student(2, gender=9),
            student(3, f"id with {CANARY}"),
            mentor(1),
            event(
                "manager.registered",
                "m-1",
                {
                    "manager_id": 1,
                    "full_name": CANARY,
                    "phone": "02112345678",
                    "is_active": True,
                    "centers": [1],
                },
            ),
        ]
    )
    await intake.write_inbound(b"broken " + CANARY.encode(), json.dumps(student(4, "k-1")).encode())
    await intake.answered("k-1")
    secrets = [
        CANARY,
        *(student(number)["data"]["national_id"] for number in range(1, 5)),
        "09120000001",
        "02112345678",
    ]
    tables = await intake.rows("select tablename from pg_tables where schemaname = 'public'")
    for table in tables:
        rows = await intake.rows(f"select t::text as line from {table[0]} t")
        text = "\n".join(row["line"] for row in rows)
        for secret in secrets:
            assert secret not in text, table[0]
            assert secret.encode().hex() not in text, table[0]
    facts = await intake.read_topic("rahnama.intake", 5)
    keys = await intake.read_topic("rahnama.keys", 5)
    for record in [*facts, *keys]:
        for secret in secrets:
            assert secret.encode() not in record.value + (record.key or b"")


async def test_the_keys_topic_and_the_master_key_open_a_fact_again(intake: Intake) -> None:
    sent = student(11)
    result = await intake.send(sent)
    number = len(await intake.rows("select 1 from subject_keys"))
    records = await intake.read_topic("rahnama.keys", number)
    opened = {key.subject: key for key in (open_record(intake.keyring, r.key, r.value) for r in records)}
    key = opened[result["subject"]]
    assert key.tenant == "default"
    assert key.lookup == intake.keyring.tenant("default").lookup(sent["data"]["national_id"])
    [row] = await intake.rows("select value from log where subject = $1", result["subject"])
    personal = json.loads(
        unseal(
            intake.keyring.unwrap(key.wrapped_key),
            json.loads(bytes(decode(row["value"]).data))["sealed"],
            tenant="default",
            subject=result["subject"],
            kind=FACT,
        )
    )
    assert personal["national_id"] == sent["data"]["national_id"]
    assert personal["first_name"] == CANARY


async def test_a_rejection_opens_with_its_own_key_and_is_found_by_the_national_id(intake: Intake) -> None:
    sent = student(12, gender=9)
    result = await intake.send(sent)
    lookup = intake.keyring.tenant("default").lookup(sent["data"]["national_id"])
    [row] = await intake.rows("select * from rejections where lookup = $1", lookup)
    assert str(row["rejection_id"]) == result["rejection_id"]
    assert row["causation_id"] == result["causation_id"]
    opened = unseal(
        intake.keyring.unwrap(row["wrapped_key"]),
        row["sealed"],
        tenant="default",
        subject=result["rejection_id"],
        kind="rejection",
    )
    assert json.loads(opened) == sent


async def test_a_fact_leaves_only_after_its_subjects_key_was_acknowledged(
    databases: Databases, topics: MakesTopics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = asyncio.Event()
    publish = KeyRecords.publish

    async def publish_late(self: KeyRecords, partition: int, events: Sequence[Appended]) -> None:
        await let_go.wait()
        await publish(self, partition, events)

    monkeypatch.setattr(KeyRecords, "publish", publish_late)
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(databases.intake, made, issuer, tmp_path)
    async with running(databases.intake, made, issuer, settings) as intake:
        assert (await intake.send(student(1)))["status"] == "accepted"
        await asyncio.sleep(0.5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await intake.read_topic("rahnama.intake", 1)
        let_go.set()
        [fact] = await intake.read_topic("rahnama.intake", 1)
        [key] = await intake.read_topic("rahnama.keys", 1)
        assert key.partition == fact.partition
