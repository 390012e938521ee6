"""A lost topic of keys is filled again from the database, without any new student; a healthy one is left alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.local.databases import Databases
from infra.local.topics import ensure_topics
from services.intake.crypto.key_record import FreshKeys, open_record
from services.intake.crypto.sealing import Keyring
from services.intake.relay import keys_watch
from services.intake.relay.keys import Anchor, KeyRecords
from services.intake.relay.keys_watch import KeysWatch
from shared.append.log import Gate, Log
from shared.errors import GateClosed
from shared.kafka.aio_clients import AioKafkaClients
from shared.kafka.closing_clients import Producer
from shared.postgres import Pool
from tests.deadlines import expected_within
from tests.integration.intake.harness import Intake, make_settings, prepare, running, student
from tests.integration.intake.keys_of_another import TOPIC, connected, key_records
from tests.invariants.reading import admin_of
from tests.servers import MakesTopics, TopicSet
from tests.tokens import TestIssuer

STUDENTS = 6


async def lose_topic(made: TopicSet) -> None:
    """Deletes it, and returns when it is gone."""
    async with admin_of(made.bootstrap) as admin:
        await admin.delete_topics([made.name(TOPIC)])
        while made.name(TOPIC) in await admin.list_topics():  # noqa: ASYNC110  # Kafka tells nobody when it is done
            await asyncio.sleep(0.05)


@asynccontextmanager
async def watching(intake: Intake) -> AsyncIterator[tuple[KeysWatch, Gate]]:
    """Another instance's watch, which looks when it is told to."""
    gate = Gate("intake")
    gate.open()
    async with (
        connected(intake) as pool,
        key_records(intake, pool, FreshKeys()) as records,
        watching_with(intake, pool, records, gate) as watch,
    ):
        yield watch, gate


@asynccontextmanager
async def watching_with(
    intake: Intake, pool: Pool, records: KeyRecords, gate: Gate | None = None
) -> AsyncIterator[KeysWatch]:
    """Its watch, beside what it sends."""
    if gate is None:
        gate = Gate("intake")
        gate.open()
    kafka = AioKafkaClients(intake.topics.bootstrap)
    watch = KeysWatch(pool, records, kafka, intake.topics.name(TOPIC), gate, late_seconds=0)
    try:
        yield watch
    finally:
        await watch.stop()


async def anchors(intake: Intake) -> list[tuple[int, bytes]]:
    """By which records partitions are known again."""
    rows = await intake.rows("select partition, digest from key_anchors")
    return [(row["partition"], row["digest"]) for row in rows]


async def test_after_the_topic_of_keys_was_lost_every_key_is_sent_again(
    databases: Databases, topics: MakesTopics, tmp_path: Path
) -> None:
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(databases.intake, made, issuer, tmp_path)
    keyring = Keyring(settings.read_master_key())
    async with running(databases.intake, made, issuer, settings) as intake:
        for number in range(STUDENTS):
            assert (await intake.send(student(number)))["status"] == "accepted"
        sent = await intake.read_topic(TOPIC, STUDENTS)
        before = {(r.partition, open_record(keyring, r.key, r.value)) for r in sent}
        await lose_topic(made)
        old = {digest for _, digest in await anchors(intake)}
    async with running(databases.intake, made, issuer, settings) as intake, watching(intake) as (watch, _):
        async with expected_within(30, "what the test waits for"):
            while len({digest for _, digest in await anchors(intake)} - old) < len({p for p, _ in before}):  # noqa: ASYNC110  # a table tells nobody
                await asyncio.sleep(0.1)
        records = await intake.read_topic(TOPIC, STUDENTS)
        assert {(r.partition, open_record(keyring, r.key, r.value)) for r in records} == before

        await watch.look()
        assert len(await intake.read_topic(TOPIC, STUDENTS)) == len(records) == STUDENTS


async def test_a_topic_that_is_lost_again_between_two_pages_gets_the_first_page_once_more(
    databases: Databases, topics: MakesTopics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(databases.intake, made, issuer, tmp_path)
    async with running(databases.intake, made, issuer, settings) as intake:
        for number in range(3):
            assert (await intake.send(student(number, gender=0)))["status"] == "accepted"
        keys = {record.key for record in await intake.read_topic(TOPIC, 3)}
    await intake.rows("delete from key_anchors")
    monkeypatch.setattr(keys_watch, "PAGE", 1)
    send_again, pages = KeyRecords.send_again, 0

    async def lose_after_the_first(self: KeyRecords, *page: Any) -> Anchor | None:
        nonlocal pages
        anchor, pages = await send_again(self, *page), pages + 1
        if pages == 1:
            await self.stop()
            await lose_topic(made)
            await ensure_topics(made.bootstrap, partitions=made.partitions, prefix=made.prefix)
        return anchor

    monkeypatch.setattr(KeyRecords, "send_again", lose_after_the_first)
    async with watching(intake) as (watch, _):
        await watch.look()
        assert len({record.key for record in await intake.read_topic(TOPIC, 2)}) == 2
        await watch.look()
        assert {record.key for record in await intake.read_topic(TOPIC, 5)} == keys
    assert pages == 6


async def test_what_another_leader_had_sent_before_the_topic_was_lost_is_sent_again_too(
    databases: Databases, topics: MakesTopics, tmp_path: Path
) -> None:
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(databases.intake, made, issuer, tmp_path)
    async with AsyncExitStack() as stack:
        async with running(databases.intake, made, issuer, settings) as intake:
            pool = await stack.enter_async_context(connected(intake))
            records = await stack.enter_async_context(key_records(intake, pool, FreshKeys()))
            watch = await stack.enter_async_context(watching_with(intake, pool, records))
            await watch.look()  # the log is empty
            for number in range(3):
                assert (await intake.send(student(number, gender=0)))["status"] == "accepted"
            [first, *_] = sent = await intake.read_topic(TOPIC, 3)
        await lose_topic(made)
        await ensure_topics(made.bootstrap, partitions=made.partitions, prefix=made.prefix)
        await intake.rows("delete from key_anchors")
        async with pool.acquire() as connection:
            [last] = await Log("intake").read(connection, first.partition, 2, 1)
        await records.publish(first.partition, [last])
        await watch.look()
        await watch.look()
        again = await intake.read_topic(TOPIC, 4)
        assert {record.key for record in again} == {record.key for record in sent}


async def test_while_the_gate_is_closed_no_key_is_sent_for_the_database_may_be_an_older_copy(
    databases: Databases, topics: MakesTopics, tmp_path: Path
) -> None:
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(databases.intake, made, issuer, tmp_path)
    async with running(databases.intake, made, issuer, settings) as intake:
        assert (await intake.send(student(1)))["status"] == "accepted"
        await intake.read_topic(TOPIC, 1)
    await intake.rows("delete from key_anchors")
    async with watching(intake) as (watch, gate):
        gate.close("the database was restored")
        with pytest.raises(GateClosed):
            await watch.look()
        assert len(await intake.read_topic(TOPIC, 1)) == 1
        gate.open()
        await watch.look()
        assert len(await intake.read_topic(TOPIC, 2)) == 2


async def test_a_tombstone_is_sent_once_more_behind_a_key_that_was_written_late(
    databases: Databases, topics: MakesTopics, tmp_path: Path
) -> None:
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(databases.intake, made, issuer, tmp_path)
    async with running(databases.intake, made, issuer, settings) as intake:
        pass
    async with watching(intake) as (watch, _):
        await watch._records.bury([("default", "student/who is erased")])
        await watch.look()
        await watch.look()
        records = await intake.read_topic(TOPIC, 4)
        assert [record.value for record in records] == [None] * 4  # twice, in the partitions of both pools


async def test_another_process_sends_the_tombstones_once_more_when_the_one_that_sent_them_has_ended(
    databases: Databases, topics: MakesTopics, tmp_path: Path
) -> None:
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(databases.intake, made, issuer, tmp_path)
    async with running(databases.intake, made, issuer, settings) as intake:
        erased = (await intake.send(student(1)))["subject"].removeprefix("student/")
        async with watching(intake) as (watch, _):
            await watch.look()  # from now on the topic is known, and is not filled again
        key = (await intake.read_topic(TOPIC, 1))[0]
        many = len(await intake.read_topic(TOPIC, 1))
        answer = await intake.client.post(
            f"/v1/students/{erased}/erasure", headers=issuer.headers("admin", "default")
        )
        assert answer.status_code == 202
        records = await intake.read_topic(TOPIC, many + 2)
        assert sum(record.value is None for record in records) == 2
    # The sender of a key had been given up, and its batch is written behind the tombstone.
    async with Producer(bootstrap_servers=made.bootstrap, acks="all") as producer:
        await producer.send_and_wait(made.name(TOPIC), key.value, key=key.key, partition=key.partition)
    async with watching(intake) as (watch, _):
        await watch.look()
        records = await intake.read_topic(TOPIC, many + 5)
        assert [record.value for record in records if record.partition == key.partition][-1] is None
        await watch.look()
        many = len(records)
        await watch.look()
        assert len(await intake.read_topic(TOPIC, many)) == many, "an erasure that is settled is left alone"
    [row] = await intake.rows("select settled from erasures")
    assert row["settled"]
