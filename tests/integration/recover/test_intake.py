"""Intake's database is set back to an older copy: facts, keys and answers come back, and everyone is known again."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.envelope import decode, leaf_hash
from shared.errors import CannotRecover, Fork, InUse, Misconfigured
from tests.integration.intake.harness import Event, event, mentor, student
from tests.integration.recover.accepting import Accepting
from tests.integration.recover.backups import Backups, as_owner, rows_of

SECONDS = 30.0


def manager(number: int, event_id: str, **data: Any) -> Event:
    return event(
        "manager.registered", event_id, {"manager_id": number, "is_active": True, "centers": [0, 1], **data}
    )


def roster(event_id: str, *schools: int) -> Event:
    return event("school-roster.published", event_id, {"year": 1404, "school_codes": list(schools)})


BEFORE = [
    manager(1, "manager"),
    mentor(7, manager_id=1),
    mentor(8, gender=0, manager_id=1),
    *(student(number, school_code=11 if number % 3 else None) for number in range(8)),
]
AFTER = [
    *(student(number) for number in range(8, 14)),
    student(1, "first-again", first_name="دیگر"),
    student(2, "second-again", group_code=23),
    student(3, "third-next-year", year=1405),
    student(4, "fourth-moves", gender=1),
    student(5, "fifth-unchanged"),
    manager(1, "manager-changes", centers=[0]),
    roster("roster", 11),
    mentor(7, "mentor-again", manager_id=1, capacity=3),
    event(
        "student.withdrawn", "sixth-leaves", {"year": 1404, "national_id": student(6)["data"]["national_id"]}
    ),
    student(99, "refused", gender=5),
]


async def test_facts_keys_and_answers_come_back_and_everyone_is_known_again(
    accepting: Accepting, backups: Backups
) -> None:
    await accepting.send(*BEFORE)
    copy = await backups.take(accepting.database)
    first = await accepting.send(*AFTER)
    tables, answers = await accepting.tables(), await accepting.answers()
    await backups.restore(accepting.database, copy)

    async with accepting.running() as intake:
        reason = (await intake.client.get("/readyz")).json()["parts"]["relay"]
        assert "the database was restored, and its missing events must be brought back" in reason
        assert (await intake.post(student(50))).status_code == 503
        assert (await intake.get("/v1/students?year=1404")).status_code == 200
    kept = len((await accepting.tables())["log"])
    lines = await accepting.recover()

    lost = len(tables["log"]) - kept
    assert lines[-1].startswith(f"{lost} facts are back")
    assert await accepting.tables() == tables
    assert [sorted_places(row) for row in await accepting.answers()] == [
        sorted_places(row) for row in answers
    ]
    for result, again in zip(first, await accepting.send(*AFTER), strict=True):
        if result["facts"]:
            assert again["status"] == "duplicate"
            assert again["subject"] == result["subject"]
            assert sorted_places(again) == sorted_places(result)
    [known] = await accepting.send(student(8, "eighth-once-more", group_code=23))
    assert known["subject"] == first[0]["subject"]
    assert (await accepting.recover())[-1].startswith("0 facts are back")


def sorted_places(row: dict[str, Any]) -> list[Any]:
    facts = json.loads(row["facts"]) if isinstance(row["facts"], str) else row["facts"]
    return [row["subject"], sorted((place["partition"], place["sequence"]) for place in facts)]


async def test_all_comes_back_to_an_empty_database_and_an_interruption_does_no_harm(
    accepting: Accepting, backups: Backups
) -> None:
    copy = await backups.take(accepting.database)
    await accepting.send(*BEFORE, *AFTER)
    tables = await accepting.tables()
    await backups.restore(accepting.database, copy)

    recovering = asyncio.create_task(accepting.recover(batch_records=1))
    async with asyncio.timeout(SECONDS):
        while not await rows_of(accepting.database, "select 1 from log limit 1"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    recovering.cancel()
    await asyncio.gather(recovering, return_exceptions=True)
    assert 0 < len((await accepting.tables())["log"]) < len(tables["log"])
    await accepting.recover()

    assert await accepting.tables() == tables


async def test_a_fork_names_partition_sequence_and_both_hashes_and_writes_nothing(
    accepting: Accepting, backups: Backups
) -> None:
    await accepting.send(student(1), student(3))
    copy = await backups.take(accepting.database)
    await accepting.send(student(5), student(7))
    log = (await accepting.tables())["log"]
    await backups.restore(accepting.database, copy)
    partition, sequence = log[1]["partition"], log[1]["sequence"]
    await as_owner(
        accepting.database,
        "update log set value = convert_to(replace(convert_from(value, 'UTF8'), '\"group_code\":27', '\"group_code\":21'),"
        f" 'UTF8') where sequence = {sequence}",
        f"update log set hash = sha256('\\x00'::bytea || value) where sequence = {sequence}",
        f"update log_head set hash = log.hash from log where log.partition = log_head.partition and"
        f" log.sequence = {sequence} and log_head.sequence = {sequence}",
    )
    kept = await accepting.tables()
    with pytest.raises(Fork) as caught:
        await accepting.recover()
    told = str(caught.value)
    assert f"partition {partition} of intake is held at sequence {sequence}" in told
    assert bytes(log[1]["hash"]).hex() in told
    assert leaf_hash(bytes(kept["log"][1]["value"])).hex() in told
    assert await accepting.tables() == kept


async def test_a_lost_read_model_is_told_again_and_is_what_it_was(accepting: Accepting) -> None:
    await accepting.send(*BEFORE, *AFTER)
    tables, answers = await accepting.tables(), await accepting.answers()
    await as_owner(
        accepting.database,
        "truncate students, school_rosters, managers",
        "delete from mentors where mentor_id = 7",
        "update student_years set group_code = 1, fingerprint = ''",
    )
    lines = await accepting.rebuild(batch_records=5)

    assert "students: 14 rows, 0 before" in lines
    assert "student_years: 15 rows, with other content than before" in lines
    assert await accepting.tables() == tables
    assert await accepting.answers() == answers
    assert all(line.endswith("as before") for line in (await accepting.rebuild())[:-1])
    [again] = await accepting.send(student(9, "once more", group_code=23))
    assert again["status"] == "accepted"


async def test_another_master_key_is_told_and_changes_nothing(
    accepting: Accepting, backups: Backups, tmp_path: Path
) -> None:
    copy = await backups.take(accepting.database)
    await accepting.send(student(1))
    tables = await accepting.tables()
    other = tmp_path / "other.key"
    other.write_text("A" * 43 + "=", encoding="ascii")
    with pytest.raises(CannotRecover, match="under another master key"):
        await accepting.rebuild(master_key_file=other)
    assert await accepting.tables() == tables
    await backups.restore(accepting.database, copy)
    with pytest.raises(CannotRecover, match="under another master key"):
        await accepting.recover(master_key_file=other)
    assert (await accepting.tables())["log"] == []


async def test_another_number_of_partitions_is_told_and_changes_nothing(accepting: Accepting) -> None:
    for command in (accepting.recover, accepting.rebuild):
        with pytest.raises(Misconfigured, match="created with 12 partitions, but RAHNAMA_PARTITIONS is 14"):
            await command(partitions=14)


async def test_a_command_does_not_run_beside_the_service(accepting: Accepting) -> None:
    async with accepting.running():
        with pytest.raises(InUse, match="intake runs on this database"):
            await accepting.recover()
        with pytest.raises(InUse, match="stop it first"):
            await accepting.rebuild()


async def test_what_stands_in_a_fact_is_its_version_and_time(accepting: Accepting, backups: Backups) -> None:
    copy = await backups.take(accepting.database)
    await accepting.send(student(1))
    await backups.restore(accepting.database, copy)
    await accepting.recover()
    [head] = await rows_of(accepting.database, "select * from log_head where sequence > 0")
    [row] = await rows_of(accepting.database, "select * from log")
    assert head["time"] == decode(bytes(row["value"])).time
    assert row["traceparent"] is not None
