"""After an erasure nothing that intake keeps tells who the student was, and the log stays whole."""

import hashlib
import json
from pathlib import Path

import asyncpg
import pytest

from infra.local.databases import Databases
from shared.contracts.partitions import pool_partition
from tests.integration.intake.erasing import (
    ERASED,
    REGISTERED,
    ask,
    compacted,
    data_of,
    erase,
    every_wrapped_key,
    facts_of,
    id_of,
    opens,
    published,
)
from tests.integration.intake.harness import Intake, make_settings, prepare, running, student
from tests.integration.intake.test_concurrency import require_dense_chain


async def test_no_key_that_is_left_opens_what_was_sealed_of_an_erased_student(intake: Intake) -> None:
    sent, other = student(1), student(3)
    await intake.send_batch([sent, student(1, "again", year=1405), other])
    student_id = id_of(await intake.send(student(1, "changed", mobile="09121111111")))
    stays = id_of(await intake.send(student(3, "unchanged")))
    refused = [await intake.send(student(number, f"bad-{number}", gender=9)) for number in (1, 3)]
    rejections = {
        row["id"]: row["sealed"]
        for row in await intake.rows("select rejection_id::text as id, sealed from rejections")
    }
    before = await facts_of(intake, student_id)

    done = await erase(intake, student_id)
    assert done["student_id"] == student_id
    await published(intake, done)

    keys = await every_wrapped_key(intake)
    subject = f"student/{student_id}"
    assert len(before) == 3
    for fact in before:
        assert not opens(intake.keyring, keys, data_of(fact)["sealed"], subject, REGISTERED)
    mine, theirs = (result["rejection_id"] for result in refused)
    assert not opens(intake.keyring, keys, rejections[mine], mine, "rejection")
    # The same search finds the keys of somebody who is not erased.
    [fact] = await facts_of(intake, stays)
    assert opens(intake.keyring, keys, data_of(fact)["sealed"], f"student/{stays}", REGISTERED)
    assert opens(intake.keyring, keys, rejections[theirs], theirs, "rejection")


async def test_no_table_knows_an_erased_students_number_and_no_read_shows_it(intake: Intake) -> None:
    sent = student(5)
    student_id = id_of(await intake.send(sent))
    await intake.send(student(5, "bad-5", gender=9))
    await erase(intake, student_id)
    lookup = intake.keyring.tenant("default").lookup(sent["data"]["national_id"])
    for [table] in await intake.rows("select tablename from pg_tables where schemaname = 'public'"):
        rows = await intake.rows(
            f"select t::text as line from {table} t where t::text like $1", f"%{lookup.hex()}%"
        )
        assert not rows, table
    for table in ("students", "student_years", "subject_keys"):
        rows = await intake.rows(
            f"select t::text as line from {table} t where t::text like $1", f"%{student_id}%"
        )
        assert not rows, table
    assert (await intake.get(f"/v1/students/{student_id}")).status_code == 404
    looked_up = await intake.client.post(
        "/v1/students/lookup",
        json={"national_id": sent["data"]["national_id"], "year": 1404},
        headers=intake.issuer.headers("operator"),
    )
    assert looked_up.status_code == 404


async def test_what_an_unknown_source_sent_of_an_erased_student_is_destroyed_too(intake: Intake) -> None:
    sent = student(7)
    student_id = id_of(await intake.send(sent))
    stray = {**student(7, "stray-7"), "source": "/upstream/nobody"}
    await intake.write_inbound(json.dumps(stray).encode())
    lookup = intake.keyring.tenant("").lookup(sent["data"]["national_id"])
    query = "select rejection_id from rejections where tenant = '' and lookup = $1 and sealed is not null"
    found: list[asyncpg.Record] = []
    for _ in range(500):
        if found := await intake.rows(query, lookup):
            break
    [row] = found
    await erase(intake, student_id)
    [after] = await intake.rows("select * from rejections where rejection_id = $1", row["rejection_id"])
    assert (after["wrapped_key"], after["sealed"], after["lookup"]) == (None, None, None)
    assert after["errors"]


async def test_the_fact_ends_what_had_not_ended_and_is_the_students_last(intake: Intake) -> None:
    await intake.send_batch([student(9), student(9, "year-9", year=1403)])
    student_id = id_of(await intake.send(student(9, "changed-9", reg_center=2)))
    [place] = (await erase(intake, student_id))["facts"]
    *_, last = await facts_of(intake, student_id)
    assert (last.type, last.subject) == (ERASED, f"student/{student_id}")
    assert last.id == f"intake-{place['partition']:02d}-{place['sequence']:016d}"
    assert place["partition"] == pool_partition("default", 1, 12)
    assert data_of(last) == {
        "version": 4,
        "occurred_at": None,
        "student_id": student_id,
        "gender": 1,
        "years": [1403, 1404],
    }
    await require_dense_chain(intake)


async def test_the_same_number_registered_again_is_another_person(intake: Intake) -> None:
    first = await intake.send(student(11))
    await erase(intake, id_of(first))
    again = await intake.send(student(11, "student-11-again"))
    assert again["status"] == "accepted"
    assert again["subject"] != first["subject"]
    [fact] = await facts_of(intake, id_of(again))
    assert data_of(fact)["version"] == 1
    # What was answered once is answered for ever, and says nothing of the person.
    assert await intake.send(student(11)) == {**first, "status": "duplicate"}


async def test_an_erasure_that_is_asked_for_again_is_answered_as_the_first_time(intake: Intake) -> None:
    student_id = id_of(await intake.send(student(13)))
    done = await erase(intake, student_id)
    assert await erase(intake, student_id) == done
    assert await erase(intake, student_id.upper()) == done
    assert [fact.type for fact in await facts_of(intake, student_id)] == [REGISTERED, ERASED]


async def test_who_does_not_exist_for_the_caller_is_not_erased(intake: Intake) -> None:
    student_id = id_of(await intake.send(student(15)))
    for answer in (
        await ask(intake, student_id, tenant="other"),
        await ask(intake, "01890a5d-ac96-774b-bcce-b302099a8057"),
    ):
        assert answer.status_code == 404, answer.text
        assert answer.json()["code"] == "NOT_FOUND"
    for role in ("operator", "auditor", "upstream", "metrics"):
        assert (await ask(intake, student_id, role)).status_code == 403
    assert (await ask(intake, "no-pseudonym")).status_code == 422
    assert (await intake.get(f"/v1/students/{student_id}")).status_code == 200


async def test_the_tombstone_stands_in_both_pools_before_the_fact_leaves(intake: Intake) -> None:
    student_id = id_of(await intake.send(student(17)))
    await published(intake, await erase(intake, student_id))
    left = compacted(await intake.read_topic("rahnama.keys", 1))
    graves = {partition for (partition, _), value in left.items() if value is None}
    assert graves >= {pool_partition("default", gender, 12) for gender in (0, 1)}


async def test_a_log_that_may_not_grow_erases_nobody(
    intake: Intake, databases: Databases, tmp_path: Path
) -> None:
    student_id = id_of(await intake.send(student(19)))
    await prepare(databases.intake)
    behind = make_settings(databases.intake, intake.topics, intake.issuer, tmp_path)
    await intake.read_topic("rahnama.intake", 1)
    async with running(databases.intake, intake.topics, intake.issuer, behind) as restored:
        answer = await ask(restored, student_id)
        assert (answer.status_code, answer.json()["code"]) == (503, "GATE_CLOSED")
        assert answer.headers["retry-after"]


async def test_the_services_role_may_not_unsay_an_erasure(intake: Intake) -> None:
    await erase(intake, id_of(await intake.send(student(21))))
    connection = await asyncpg.connect(intake.database.dsn)
    try:
        for statement in (
            "delete from erasures",
            "update erasures set subject = ''",
            "delete from log",
            "delete from idempotency",
            "delete from rejections",
            "update rejections set errors = ''",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_nothing_of_a_refused_batch_is_left_of_anyone_in_it(intake: Intake) -> None:
    """Person 7 of 300: a rejection could be found by the first one alone."""
    people = [student(400 + number, f"refused-{number}") for number in range(300)]
    batch = json.dumps(people).encode().removesuffix(b"]") + b"}"
    headers = [("content-type", b"application/cloudevents-batch+json")]
    await intake.write_inbound(batch, partition=9, headers=headers)
    await intake.write_inbound(json.dumps(student(407, "after-the-batch")).encode(), partition=9)
    student_id = id_of(await intake.answered("after-the-batch"))
    await erase(intake, student_id)
    [row] = await intake.rows("select r.*, r::text as line from rejections r where inbound_partition = 9")
    [error] = json.loads(row["errors"])
    assert error["code"] == "BATCH_UNREADABLE"
    assert f"has {len(batch)} bytes, SHA-256 {hashlib.sha256(batch).hexdigest()}" in error["message"]
    assert (row["wrapped_key"], row["sealed"], row["lookup"]) == (None, None, None)
    for person in people:
        number = person["data"]["national_id"]
        assert number not in row["line"]
        assert intake.keyring.tenant("").lookup(number).hex() not in row["line"]
