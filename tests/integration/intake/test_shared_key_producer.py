"""One producer of key records is shared by the relays of all partitions and the watch."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from infra.local.databases import Databases
from services.intake.crypto.key_record import FreshKeys
from services.intake.relay.keys_watch import KeysWatch
from services.intake.relay.records import RecordProducer
from tests.integration.intake.harness import make_settings, prepare, running, student
from tests.integration.intake.keys_of_another import connected, key_records
from tests.servers import MakesTopics
from tests.tokens import TestIssuer


async def test_a_producer_that_another_task_closed_between_two_batches_is_an_error_of_kafka(
    databases: Databases, topics: MakesTopics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them closes it after an error; the watch ended at an `AssertionError`, and nobody noticed."""
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(databases.intake, made, issuer, tmp_path)
    async with running(databases.intake, made, issuer, settings) as intake:
        assert (await intake.send(student(1)))["status"] == "accepted"
    erased = [("default", "student/1")]
    send, batches = RecordProducer.send, 0
    async with connected(intake) as pool, key_records(intake, pool, FreshKeys()) as records:

        async def close_after_the_first(self: RecordProducer, partition: int, batch: Any) -> int:
            nonlocal batches
            offset, batches = await send(self, partition, batch), batches + 1
            if batches == 1:
                await records.stop()
            return offset

        monkeypatch.setattr(RecordProducer, "send", close_after_the_first)
        [closed] = await asyncio.gather(records.bury(erased), return_exceptions=True)
        assert isinstance(closed, KafkaError)
        await records.bury(erased)
        assert batches == 3, "one batch for each of the tenant's two partitions, and the first one again"


async def test_a_watch_that_has_ended_is_not_ready(
    databases: Databases, topics: MakesTopics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(databases.intake, made, issuer, tmp_path)
    ended = asyncio.Event()

    async def fail(self: KeysWatch) -> None:
        ended.set()
        raise AssertionError

    monkeypatch.setattr(KeysWatch, "look", fail)
    async with running(databases.intake, made, issuer, settings) as intake:
        await ended.wait()
        answer = await intake.client.get("/readyz")
        assert answer.status_code == 503
        assert "the watch over" in answer.text
