"""Whoever was erased after the backup was taken stays erased, and is a stranger when registered again."""

import asyncio
import json
from typing import Any

import pytest

from services.intake.crypto.key_record import record_key
from services.intake.crypto.sealing import Keyring
from shared.errors import CannotRecover, NotConfirmed
from shared.recover.consent import Consent
from tests.integration.intake.harness import mentor, student
from tests.integration.recover.accepting import AGREED, SECONDS, Accepting
from tests.integration.recover.backups import Backups, rows_of

PERSONAL = ("students", "subject_keys", "student_years")


async def erased(accepting: Accepting, subject: str) -> None:
    """Erases a student; returns when that is published, and its key taken from the topic."""
    student_id = subject.removeprefix("student/")
    async with accepting.running() as intake, asyncio.timeout(SECONDS):
        headers = intake.issuer.headers("admin")
        answer = await intake.client.post(f"/v1/students/{student_id}/erasure", headers=headers)
        assert answer.status_code == 202, answer.text
        while not any(record.value is None for record in await intake.read_topic("rahnama.keys", 1)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        unpublished = "select 1 from log_head join log_published p using (partition) where p.sequence < log_head.sequence"
        while await intake.rows(unpublished):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def tables(accepting: Accepting) -> dict[str, Any]:
    found = await accepting.tables()
    found["erasures"] = await rows_of(accepting.database, "select * from erasures")
    return found


@pytest.mark.parametrize("known_to_the_backup", [True, False])
async def test_an_erasure_holds_and_the_person_is_a_stranger(
    accepting: Accepting, backups: Backups, known_to_the_backup: bool
) -> None:
    first, other = student(1), student(3)
    if known_to_the_backup:
        [result] = await accepting.send(first)
    copy = await backups.take(accepting.database)
    if not known_to_the_backup:
        [result] = await accepting.send(first)
    [_, moved] = await accepting.send(other, student(1, "moves", gender=0))
    assert moved["subject"] == result["subject"]
    await erased(accepting, result["subject"])
    before = await tables(accepting)
    await backups.restore(accepting.database, copy)

    await accepting.recover()

    assert await tables(accepting) == before
    for table in PERSONAL:
        assert result["subject"].removeprefix("student/") not in repr(before[table])
    [again] = await accepting.send(student(1, "comes again"))
    assert again["status"] == "accepted"
    assert again["subject"] != result["subject"]
    assert len(await accepting.rebuild()) == 6
    assert (await tables(accepting))["erasures"] == before["erasures"]


async def test_a_tombstone_takes_the_key_though_the_fact_that_says_so_is_lost(
    accepting: Accepting, backups: Backups
) -> None:
    await accepting.send(student(1), student(3))
    copy = await backups.take(accepting.database)
    [result, _] = await accepting.send(student(1, "again", group_code=23), student(5))
    keyring = Keyring(accepting.settings().read_master_key())
    index = record_key(keyring, "default", result["subject"])
    await accepting.produce("rahnama.keys", [(result["facts"][0]["partition"], index, None)])
    await backups.restore(accepting.database, copy)

    confirmed = Consent(yes=True, erasures=frozenset({result["subject"]}))
    lines = await accepting.recover(confirmed)
    assert "1 erasures had left by their tombstones alone, and are said again" in lines

    subjects = {row["subject"] for row in (await accepting.tables())["subject_keys"]}
    assert result["subject"] not in subjects
    students = {f"student/{row['student_id']}" for row in (await accepting.tables())["students"]}
    assert result["subject"] not in students
    log = (await accepting.tables())["log"]
    [said] = [row for row in log if row["type"] == "rahnama.intake.student.erased.v1"]
    assert (said["subject"], said["version"]) == (result["subject"], 3)
    assert json.loads(said["value"])["data"]["years"] == [1404]
    [erasure] = (await tables(accepting))["erasures"]
    assert (erasure["partition"], erasure["sequence"]) == (said["partition"], said["sequence"])
    assert "students: 2 rows, as before" in await accepting.rebuild()
    assert not any("said again" in line for line in await accepting.recover(confirmed))
    tables_then = await tables(accepting)
    unknown = Consent(yes=True, erasures=frozenset({"student/nobody"}))
    with pytest.raises(NotConfirmed, match="no doubtful erasure of student/nobody"):
        await accepting.recover(unknown)
    assert await tables(accepting) == tables_then


@pytest.mark.parametrize("known_to_the_backup", [True, False])
async def test_a_record_that_came_to_nothing_before_an_erasure_does_not_bring_the_person_back(
    accepting: Accepting, backups: Backups, known_to_the_backup: bool
) -> None:
    records = [json.dumps(student(1, name)).encode() for name in ("E1", "E2")]
    if known_to_the_backup:
        await accepting.write(records[:1], "E1")
    copy = await backups.take(accepting.database)
    await accepting.write(records[1:] if known_to_the_backup else records, "E2")
    [row] = (await accepting.tables())["log"]
    await erased(accepting, row["subject"])
    before = await tables(accepting)
    await backups.restore(accepting.database, copy)

    await accepting.recover()
    async with accepting.running() as intake:
        assert (await intake.answered("E2"))["status"] == "unchanged"

    assert await tables(accepting) == before


async def test_who_came_again_after_an_erasure_is_known_though_its_tombstone_is_compacted_away(
    accepting: Accepting, backups: Backups
) -> None:
    [result] = await accepting.send(student(1))
    copy = await backups.take(accepting.database)
    await erased(accepting, result["subject"])
    [again] = await accepting.send(student(1, "comes again"))
    before = await tables(accepting)
    async with accepting.running() as intake:
        told = await intake.read_topic("rahnama.keys", 4)
    await backups.restore(accepting.database, copy)
    taken_back = {record.key for record in told if record.value is None}
    kept = [(one.partition, one.key, one.value) for one in told if one.key not in taken_back]
    await accepting.make_anew("rahnama.keys", kept)

    await accepting.recover()

    assert await tables(accepting) == before
    [repeated] = await accepting.send(student(1, "the same"))
    assert (repeated["status"], repeated["subject"]) == ("unchanged", again["subject"])


async def forge_tombstone(accepting: Accepting, result: dict[str, Any]) -> bytes:
    """A tombstone as anyone can write it who may write to Kafka: it needs the record's key, and no secret."""
    keyring = Keyring(accepting.settings().read_master_key())
    index = record_key(keyring, "default", result["subject"])
    await accepting.produce("rahnama.keys", [(result["facts"][0]["partition"], index, None)])
    return index


@pytest.mark.parametrize("known_to_the_backup", [True, False])
async def test_a_forged_tombstone_destroys_nothing_and_its_subject_is_named(
    accepting: Accepting, backups: Backups, known_to_the_backup: bool
) -> None:
    if known_to_the_backup:
        [result] = await accepting.send(student(1))
    copy = await backups.take(accepting.database)
    if not known_to_the_backup:
        [result] = await accepting.send(student(1))
    [_, other] = await accepting.send(student(3), mentor(5))
    await forge_tombstone(accepting, result)
    index = await forge_tombstone(accepting, other)
    before, answers = await accepting.tables(), await accepting.answers()
    await backups.restore(accepting.database, copy)

    lines = await accepting.recover(AGREED)

    assert any(
        line.startswith(f"not destroyed unless confirmed: {result['subject']} of default") for line in lines
    )
    assert "would destroy: nothing" in lines
    assert f"{result['subject']} is kept: nothing confirms its tombstone" in lines
    assert (await accepting.tables(), await accepting.answers()) == (before, answers)
    async with accepting.running() as intake, asyncio.timeout(SECONDS):
        while True:
            told = await intake.read_topic("rahnama.keys", 1)
            last = {record.key: record.value for record in told}
            if last[index] is not None:
                break
            await asyncio.sleep(0.05)
    assert all(value is not None for value in last.values())


async def test_a_forged_tombstone_whose_record_is_compacted_away_stops_the_command_before_it_writes(
    accepting: Accepting, backups: Backups
) -> None:
    copy = await backups.take(accepting.database)
    [result, _] = await accepting.send(student(1), student(3))
    index = await forge_tombstone(accepting, result)
    async with accepting.running() as intake:
        told = await intake.read_topic("rahnama.keys", 3)
    kept = [(one.partition, one.key, one.value) for one in told if one.key != index or one.value is None]
    await accepting.make_anew("rahnama.keys", kept)
    await backups.restore(accepting.database, copy)
    before = await accepting.tables()

    with pytest.raises(CannotRecover, match=f"--confirm-erasure {result['subject']}"):
        await accepting.recover(AGREED)

    assert await accepting.tables() == before


async def test_every_subject_that_is_destroyed_is_named_before_the_question_and_no_changes_nothing(
    accepting: Accepting, backups: Backups
) -> None:
    [result] = await accepting.send(student(1))
    copy = await backups.take(accepting.database)
    await accepting.send(student(3))
    await erased(accepting, result["subject"])
    await backups.restore(accepting.database, copy)
    before, answers = await tables(accepting), await accepting.answers()
    asked: list[str] = []

    def refuse(question: str) -> str:
        asked.append(question)
        return "no"

    for consent in (Consent(), Consent(ask=refuse)):
        lines: list[str] = []
        with pytest.raises(NotConfirmed, match="nothing was changed"):
            await accepting.recover(consent, into=lines)
        assert "would bring back: 2 facts, 1 keys and 0 rejections in all" in lines
        assert [line for line in lines if line.startswith("would destroy")] == [
            f"would destroy: the key and the data of {result['subject']} of default;"
            " a fact of its erasure confirms it"
        ]
    assert asked == ["Do this? Type yes to agree: "]
    assert (await tables(accepting), await accepting.answers()) == (before, answers)
