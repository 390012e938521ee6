"""Erasures against everything else that two instances do to the same people: it ends as some serial order would."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from infra.local.databases import Databases
from shared.contracts.envelope import decode
from tests.integration.intake.erasing import ERASED, REGISTERED, ask, data_of, erase, id_of
from tests.integration.intake.harness import Event, Intake, event, make_settings, prepare, running, student
from tests.integration.intake.test_concurrency import require_dense_chain
from tests.servers import MakesTopics
from tests.tokens import TestIssuer

Pair = tuple[Intake, Intake]
SCHOOL = 77


@pytest_asyncio.fixture(loop_scope="session")
async def pair(databases: Databases, topics: MakesTopics, tmp_path: Path) -> AsyncIterator[Pair]:
    """Two instances of intake that share everything."""
    await prepare(databases.intake)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(
        databases.intake, made, issuer, tmp_path, transactions_in_flight=2, database_pool_size=12
    )
    async with (
        running(databases.intake, made, issuer, settings) as one,
        running(databases.intake, made, issuer, settings) as two,
    ):
        for intake in (one, two):
            await until_ready(intake)
        yield one, two


async def until_ready(intake: Intake) -> None:
    """Waits until the gate is open; bounded."""
    for _ in range(300):
        if (await intake.client.get("/readyz")).status_code == 200:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("never ready")


async def require_no_deadlock(intake: Intake, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither the server nor a writer, which would have tried again, has met one."""
    told = capfd.readouterr()
    assert "Deadlock" not in told.out + told.err
    [row] = await intake.rows("select deadlocks from pg_stat_database where datname = current_database()")
    assert row["deadlocks"] == 0


async def histories(intake: Intake) -> dict[str, list[Any]]:
    """Every student's events in the log, by version, which is dense."""
    found: dict[str, list[Any]] = {}
    rows = await intake.rows("select subject, value from log where subject like 'student/%' order by version")
    for row in rows:
        found.setdefault(row["subject"].removeprefix("student/"), []).append(decode(row["value"]))
    for facts in found.values():
        assert [data_of(fact)["version"] for fact in facts] == list(range(1, len(facts) + 1))
    return found


async def require_forgotten(intake: Intake, ids: Iterable[str]) -> dict[str, list[Any]]:
    """The erasure is the last of each student, and nothing of them is left. Gives everyone's history."""
    found, erased = await histories(intake), set(ids)
    for student_id in erased:
        assert [fact.type for fact in found[student_id]].index(ERASED) == len(found[student_id]) - 1
    for query in (
        "select substr(subject, 9) as id from subject_keys",
        "select student_id::text as id from students",
        "select student_id::text as id from student_years",
    ):
        assert erased.isdisjoint({row["id"] for row in await intake.rows(query)}), query
    return found


async def in_batches(intake: Intake, events: list[Event], size: int) -> list[Event]:
    """The results of events that are sent in batches at once, in their order."""
    starts = range(0, len(events), size)
    batches = await asyncio.gather(*(intake.send_batch(events[start : start + size]) for start in starts))
    return [result for batch in batches for result in batch]


@pytest.mark.parametrize("seed", [1, 2])
async def test_erased_and_registered_again_at_once_it_is_the_old_person_or_a_new_one(
    pair: Pair, capfd: pytest.CaptureFixture[str], seed: int
) -> None:
    one, two = pair
    chance = Random(seed)
    people = list(range(60))
    before = {
        number: id_of(result)
        for number, result in zip(
            people, await one.send_batch([student(number) for number in people]), strict=True
        )
    }
    results: dict[int, Event] = {}

    async def register(numbers: list[int]) -> None:
        again = [student(number, f"again-{number}", mobile=f"0935{number:07d}") for number in numbers]
        results.update(zip(numbers, await two.send_batch(again), strict=True))

    async def erase_one(number: int) -> None:
        await asyncio.sleep(
            0.2 * chance.random()
        )  # so that some come before the registration, and some behind
        await erase((one, two)[number % 2], before[number])

    for start in range(0, len(people), 10):
        some = people[start : start + 10]
        at_once = [register(some[half::2][::-1]) for half in (0, 1)] + [erase_one(number) for number in some]
        await asyncio.gather(*chance.sample(at_once, len(at_once)))
    found = await require_forgotten(one, before.values())
    known = {
        row["lookup"]: row["id"]
        for row in await one.rows("select lookup, student_id::text as id from students")
    }
    for number, result in results.items():
        assert result["status"] == "accepted"
        types = [fact.type for fact in found[before[number]]]
        lookup = one.keyring.tenant("default").lookup(student(number)["data"]["national_id"])
        if id_of(result) == before[number]:  # registered, then erased
            assert types == [REGISTERED, REGISTERED, ERASED]
            assert lookup not in known
        else:  # erased, then registered: somebody else
            assert types == [REGISTERED, ERASED]
            assert known[lookup] == id_of(result)
            assert [fact.type for fact in found[id_of(result)]] == [REGISTERED]
    assert set(results) == set(people)
    assert await require_dense_chain(one) == 3 * len(people)
    await require_no_deadlock(one, capfd)


async def test_erased_by_both_instances_at_once_a_student_has_one_erasure(pair: Pair) -> None:
    one, two = pair
    ids = [id_of(result) for result in await one.send_batch([student(number) for number in range(20)])]
    answers = await asyncio.gather(*(erase(intake, student_id) for student_id in ids for intake in pair))
    assert answers[::2] == answers[1::2]
    await require_forgotten(two, ids)
    assert await require_dense_chain(one) == 40


async def test_a_roster_and_a_move_do_not_bring_back_who_is_erased_meanwhile(
    pair: Pair, capfd: pytest.CaptureFixture[str]
) -> None:
    one, two = pair
    people = [student(number, school_code=SCHOOL) for number in range(60)]
    ids = [id_of(result) for result in await one.send_batch(people)]
    moved = [
        student(number, f"moved-{number}", school_code=SCHOOL, gender=1 - number % 2)
        for number in reversed(range(60))
    ]

    async def publish() -> None:
        for turn in range(6):
            codes = [SCHOOL] if turn % 2 == 0 else [SCHOOL + 1]
            roster = event("school-roster.published", f"roster-{turn}", {"year": 1404, "school_codes": codes})
            assert (await two.send(roster))["status"] == "accepted"

    erasures, _, results = await asyncio.gather(
        asyncio.gather(*(ask(one, student_id) for student_id in ids)),
        publish(),
        in_batches(two, moved, 10),
    )
    assert {answer.status_code for answer in erasures} == {202}
    assert {result["status"] for result in results} == {"accepted"}
    await require_forgotten(one, ids)
    await require_dense_chain(one)
    await require_no_deadlock(one, capfd)
