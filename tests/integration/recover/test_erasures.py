"""A restored intake: the backup still has the key of who was erased since, and recover destroys it again."""

import json

from tests.integration.intake.doors import Intake, student
from tests.integration.intake.erasing import (
    REGISTERED,
    data_of,
    erase,
    every_wrapped_key,
    facts_of,
    id_of,
    opens,
    published,
)
from tests.integration.recover.accepting import Accepting
from tests.integration.recover.backups import Backups, rows_of

SEALED = "select rejection_id::text as id, sealed, lookup from rejections order by rejection_id"


async def require_forgotten(intake: Intake, student_id: str) -> None:
    """No key opens a fact of the student, and no read shows it."""
    keys, subject = await every_wrapped_key(intake), f"student/{student_id}"
    facts = [fact for fact in await facts_of(intake, student_id) if fact.type == REGISTERED]
    assert facts
    for fact in facts:
        assert not opens(intake.keyring, keys, data_of(fact)["sealed"], subject, REGISTERED)
    assert (await intake.get(f"/v1/students/{student_id}")).status_code == 404


async def test_erasures_hold_though_the_backup_knows_everybody(
    accepting: Accepting, backups: Backups
) -> None:
    """1 was known before, 4 has moved to the other pool since, 5 came after the backup."""
    refused = [student(1, "refused", gender=9), student(3, "also-refused", gender=9)]
    first, moves, stays, *_ = await accepting.send(student(1), student(4), student(3), *refused)
    copy = await backups.take(accepting.database)
    await accepting.write([json.dumps(student(1, "refused-later", gender=9)).encode()], "refused-later")
    async with accepting.running() as intake:
        late = await intake.send(student(5))
        await intake.send(student(4, "moves", gender=1))
        erased = [id_of(result) for result in (first, moves, late)]
        done = [await erase(intake, student_id) for student_id in erased]
        for answer in done:
            await published(intake, answer)
    tables = await accepting.tables()
    await backups.restore(accepting.database, copy)
    assert len(await rows_of(accepting.database, "select from subject_keys")) == 3

    lines = await accepting.recover()

    assert any("were destroyed by erasures" in line for line in lines)
    assert await accepting.tables() == tables
    async with accepting.running() as intake:
        for student_id, answer in zip(erased, done, strict=True):
            await require_forgotten(intake, student_id)
            assert await erase(intake, student_id) == answer
        keys = await every_wrapped_key(intake)
        [fact] = await facts_of(intake, id_of(stays))
        assert opens(intake.keyring, keys, data_of(fact)["sealed"], stays["subject"], REGISTERED)
        again = await intake.send(student(1, "again"))
        assert again["status"] == "accepted"
        assert again["subject"] != first["subject"]
    lookup = intake.keyring.tenant("default").lookup(student(1)["data"]["national_id"])
    rejections = await rows_of(accepting.database, SEALED)
    assert len(rejections) == 3
    assert lookup not in {row["lookup"] for row in rejections}
    assert [row["sealed"] is not None for row in rejections].count(True) == 1


async def test_a_rebuild_brings_back_nobody_who_is_erased(accepting: Accepting) -> None:
    first, moves = await accepting.send(student(1), student(4))
    async with accepting.running() as intake:
        await intake.send(student(4, "moves", gender=1))
        for result in (first, moves):
            await erase(intake, id_of(result))
    tables = await accepting.tables()
    await accepting.rebuild(batch_records=1)
    assert await accepting.tables() == tables
    assert tables["students"] == tables["student_years"] == tables["subject_keys"] == []
