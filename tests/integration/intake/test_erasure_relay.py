"""The tombstone of an erased student's key leaves before the fact, and nothing brings the record back."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from infra.local.databases import Databases
from services.intake.append.erasure import Erased, Erasure
from services.intake.crypto.key_record import FreshKeys, SubjectKey, record_key, seal_record
from services.intake.relay.keys import KeyRecords
from services.intake.relay.records import RecordProducer
from shared.append.clock import system_clock
from shared.append.log import Appended, Log
from shared.kafka.aio_clients import AioKafkaClients
from tests.integration.intake.erasing import (
    ERASED,
    compacted,
    erase,
    every_wrapped_key,
    facts_of,
    id_of,
    published,
)
from tests.integration.intake.harness import Intake, make_settings, prepare, running, student
from tests.integration.intake.keys_of_another import connected, key_records
from tests.invariants.reading import admin_of
from tests.servers import MakesTopics
from tests.tokens import TestIssuer


async def record_of(intake: Intake, student_id: str) -> list[bytes | None]:
    """What compaction leaves of the student's record, in whatever partitions; None is a tombstone."""
    index = record_key(intake.keyring, "default", f"student/{student_id}")
    left = compacted(await intake.read_topic("rahnama.keys", 1))
    return [value for (_, key), value in left.items() if key == index]


async def erase_and_die(intake: Intake, student_id: str) -> Erased:
    """Erases as an instance does that is killed right after its commit: nobody is told of anything."""
    log = Log("intake")
    log.gate.open()
    async with connected(intake) as pool:
        killed = Erasure(
            pool,
            log,
            intake.keyring,
            partitions=intake.settings.partitions,
            fresh_keys=FreshKeys(),
            published=lambda _: None,
            clock=system_clock,
        )
        return await killed.erase("default", UUID(student_id), None)


async def first_event(intake: Intake, subject: str) -> Appended:
    """The first event of a subject, as the relay reads it."""
    [place] = await intake.rows(
        "select partition, sequence from log where subject = $1 and version = 1", subject
    )
    async with connected(intake) as pool, pool.acquire() as connection:
        [event] = await Log("intake").read(connection, place["partition"], place["sequence"] - 1, 1)
    return event


async def test_the_fact_waits_for_the_tombstone(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = asyncio.Event()
    bury = KeyRecords._bury

    async def bury_late(self: KeyRecords, erased: Sequence[tuple[str, str]]) -> None:
        await let_go.wait()
        await bury(self, erased)

    student_id = id_of(await intake.send(student(1)))
    await intake.read_topic("rahnama.keys", 1)
    monkeypatch.setattr(KeyRecords, "_bury", bury_late)
    done = await erase(intake, student_id)
    await asyncio.sleep(0.5)
    records = await intake.read_topic("rahnama.intake", 1)
    assert not [record for record in records if ERASED.encode() in record.value]
    assert None not in await record_of(intake, student_id)
    let_go.set()
    await published(intake, done)
    records = await intake.read_topic("rahnama.intake", 2)
    assert len([record for record in records if ERASED.encode() in record.value]) == 1
    assert await record_of(intake, student_id) == [None, None]


async def test_a_record_and_its_tombstone_may_stand_in_different_pools(intake: Intake) -> None:
    """The student moves: its first fact is in one partition, its erasure in the other."""
    student_id = id_of(await intake.send(student(4)))
    await intake.send(student(4, "moves", gender=1))
    done = await erase(intake, student_id)
    await published(intake, done)
    first, *_, last = await facts_of(intake, student_id)
    assert first.id[:9] != last.id[:9]
    assert await record_of(intake, student_id) == [None, None]


async def test_who_dies_between_commit_and_relay_leaves_both_to_the_next_instance(
    databases: Databases, topics: MakesTopics, tmp_path: Path
) -> None:
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(databases.intake, made, issuer, tmp_path)
    async with running(databases.intake, made, issuer, settings) as first:
        student_id = id_of(await first.send(student(1)))
        await first.read_topic("rahnama.keys", 1)
    erased = await erase_and_die(first, student_id)
    async with running(databases.intake, made, issuer, settings) as second:
        place = {"partition": erased.facts[0].partition, "sequence": erased.facts[0].sequence}
        await published(second, {"facts": [place]})
        assert await record_of(second, student_id) == [None, None]
        [registered, last] = await second.read_topic("rahnama.intake", 2)
        assert ERASED.encode() in last.value
        assert ERASED.encode() not in registered.value
        assert await every_wrapped_key(second) == []


async def test_a_refilled_topic_brings_no_record_back(
    databases: Databases, topics: MakesTopics, tmp_path: Path
) -> None:
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(databases.intake, made, issuer, tmp_path)
    async with running(databases.intake, made, issuer, settings) as intake:
        student_id = id_of(await intake.send(student(1)))
        done = await erase(intake, student_id)
        await published(intake, done)
        before = [record.value for record in await intake.read_topic("rahnama.intake", 2)]
        [place] = done["facts"]
        topic = TopicPartition(made.name("rahnama.intake"), place["partition"])
        async with admin_of(made.bootstrap) as admin:
            await admin.delete_records({topic: RecordsToDelete(2)})
        assert [record.value for record in await intake.read_topic("rahnama.intake", 2)] == before
        assert await record_of(intake, student_id) == [None, None]
        assert await every_wrapped_key(intake) == []


async def test_a_leader_that_sends_what_it_knew_long_ago_takes_it_back(intake: Intake) -> None:
    """It was stopped with the key in its memory; meanwhile another one has published the erasure."""
    student_id = id_of(await intake.send(student(6)))
    subject = f"student/{student_id}"
    [row] = await intake.rows("select * from subject_keys where subject = $1", subject)
    first = await first_event(intake, subject)
    await published(intake, await erase(intake, student_id))
    stale = FreshKeys()
    stale.keep([SubjectKey(row["tenant"], subject, row["lookup"], row["wrapped_key"])])
    number = len(await intake.read_topic("rahnama.keys", 1))
    async with connected(intake) as pool, key_records(intake, pool, stale) as late:
        await late.publish(first.partition, [first])
    sent = await intake.read_topic("rahnama.keys", number + 3)
    assert len(sent) == number + 3  # the record, and a tombstone in each pool
    assert await record_of(intake, student_id) == [None, None]


async def test_who_leads_after_a_leader_that_died_with_a_late_record_takes_it_back(intake: Intake) -> None:
    """The erasure was published by the leader of the other pool, and the dead one's record came after its tombstones."""
    student_id = id_of(await intake.send(student(8)))
    subject = f"student/{student_id}"
    [row] = await intake.rows("select * from subject_keys where subject = $1", subject)
    first = await first_event(intake, subject)
    await intake.send(student(8, "moves", gender=1))
    await published(intake, await erase(intake, student_id))
    key = SubjectKey(row["tenant"], subject, row["lookup"], row["wrapped_key"])
    late = RecordProducer(AioKafkaClients(intake.topics.bootstrap), intake.topics.name("rahnama.keys"))
    await late.start()
    await late.send_all(first.partition, [seal_record(intake.keyring, key)])
    await late.close()
    assert await record_of(intake, student_id) != [None, None]
    async with connected(intake) as pool, key_records(intake, pool, FreshKeys()) as following:
        await following.publish(first.partition, [first])
    assert await record_of(intake, student_id) == [None, None]
