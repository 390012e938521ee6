"""Locks, waits, snapshots and ends of transactions: the simulation's double does as PostgreSQL does."""

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
import pytest_asyncio

from services.intake.append.load import STUDENT_COLUMNS
from shared.postgres import named_queries
from tests.integration.simulation.both import Open, Script, on_both, outcome, prepare
from tests.integration.simulation.rows import STUDENTS

if TYPE_CHECKING:
    from infra.local.databases import Databases, ServiceDatabase

MEANWHILE_SECONDS = 0.3
LOG = named_queries("shared.append")
INBOX = named_queries("services.intake.append", "inbound.sql")
INTAKE = named_queries("services.intake.append")
RELAY = named_queries("shared.relay")
MOVED = ([0], [0], [bytes(32)], [5], [b"5" * 32])
THIRD = (b"look-3", "default", "018f0000-0000-7000-8000-000000000003", 0, 1)


async def begun(work: Any) -> "asyncio.Task[Any]":
    """The work, far enough to wait for what others hold."""
    task = asyncio.ensure_future(outcome(work))
    await asyncio.sleep(MEANWHILE_SECONDS)
    return task


async def two(open_one: Open) -> tuple[Any, Any, Any]:
    """Two connections, and a transaction that was begun on the first."""
    first, second = await open_one(), await open_one()
    transaction = first.transaction()
    await transaction.start()
    return first, second, transaction


async def a_lock_is_waited_for(open_one: Open) -> Any:
    first, second, transaction = await two(open_one)
    await first.fetch(LOG["lock_heads"], [0])
    waiting = await begun(second.fetch(LOG["lock_heads"], [0, 1]))
    waited = not waiting.done()
    await first.execute(LOG["move_heads"], [0], [7], [b"7" * 32], ["t7"])
    seen = await (await open_one()).fetchval(LOG["hash_at"], 0, 7)
    await transaction.commit()
    return waited, seen, [row["sequence"] for row in await waiting]


async def who_compares_and_sets_second_moves_nothing(open_one: Open) -> Any:
    first, second, transaction = await two(open_one)
    mine = await first.fetch(INBOX["move_inbound"], *MOVED)
    waiting = await begun(second.fetch(INBOX["move_inbound"], *MOVED))
    waited = not waiting.done()
    await transaction.commit()
    return len(mine), waited, await waiting


async def who_compares_and_sets_second_moves_it_if_the_first_gives_up(open_one: Open) -> Any:
    first, second, transaction = await two(open_one)
    await first.fetch(INBOX["move_inbound"], *MOVED)
    waiting = await begun(second.fetch(INBOX["move_inbound"], *MOVED))
    await transaction.rollback()
    return await waiting


async def a_key_that_another_is_adding_is_waited_for(open_one: Open) -> Any:
    results = []
    for end in ("rollback", "commit"):
        first, second, transaction = await two(open_one)
        await first.copy_records_to_table("students", records=[THIRD], columns=STUDENT_COLUMNS)
        waiting = await begun(
            second.copy_records_to_table("students", records=[THIRD], columns=STUDENT_COLUMNS)
        )
        waited = not waiting.done()
        await getattr(transaction, end)()
        results.append((waited, await waiting))
        await second.execute(LOG["heads"])
        if end == "rollback":
            await forget(second)
    return results


async def forget(connection: Any) -> None:
    query = named_queries("services.intake.project", "erasure.sql")["forget_students"]
    await connection.fetch(query, ["default"], [THIRD[2]])


async def what_was_added_during_a_wait_is_not_seen(open_one: Open) -> Any:
    """So that a first registration meets a unique violation, and is done again."""
    first, second, transaction = await two(open_one)
    await first.copy_records_to_table("students", records=STUDENTS[:1], columns=STUDENT_COLUMNS)
    await transaction.commit()
    again = first.transaction()
    await again.start()
    await first.fetch(INTAKE["lock_students"], [b"look-1"])
    waiting = await begun(second.fetch(INTAKE["lock_students"], [b"look-1", b"look-2"]))
    await first.execute(INTAKE["move_students"], [b"look-1"], [9], [0])
    await first.copy_records_to_table("students", records=STUDENTS[1:], columns=STUDENT_COLUMNS)
    await again.commit()
    locked = await waiting
    return [(row["lookup"], row["version"]) for row in locked]


async def two_who_wait_for_each_other_are_told(open_one: Open) -> Any:
    first, second, transaction = await two(open_one)
    other = second.transaction()
    await other.start()
    await first.fetch(LOG["lock_heads"], [0])
    await second.fetch(LOG["lock_heads"], [1])
    waiting = await begun(first.fetch(LOG["lock_heads"], [1]))
    told = await outcome(second.fetch(LOG["lock_heads"], [0]))
    results = [told, *(["first"] if waiting.done() else [])]
    await other.rollback()
    got = await waiting
    await transaction.rollback()
    deadlocks = [result for result in (told, got) if result == ("DeadlockDetectedError", None)]
    return len(deadlocks), len(results) >= 1


async def a_transaction_that_failed_takes_no_statement_and_commits_nothing(open_one: Open) -> Any:
    first, second, transaction = await two(open_one)
    await first.execute(LOG["move_heads"], [2], [5], [b"5" * 32], ["t"])
    await first.copy_records_to_table("students", records=[THIRD], columns=STUDENT_COLUMNS)
    failed = await outcome(first.copy_records_to_table("students", records=[THIRD], columns=STUDENT_COLUMNS))
    refused = await outcome(first.fetch(LOG["heads"]))
    await transaction.commit()
    heads = await second.fetch(LOG["heads"])
    return failed, refused, [row["sequence"] for row in heads if row["partition"] == 2]


async def a_repeatable_read_sees_one_moment(open_one: Open) -> Any:
    first, second = await open_one(), await open_one()
    async with first.transaction(isolation="repeatable_read", readonly=True):
        before = await outcome(first.fetch(LOG["heads"]))
        await second.execute(LOG["move_heads"], [3], [1], [b"1" * 32], ["t"])
        after = await outcome(first.fetch(LOG["heads"]))
        refused = await outcome(first.execute(LOG["move_heads"], [3], [2], [b"2" * 32], ["t"]))
    return before == after, refused


async def advisory_locks_go_with_their_session(open_one: Open) -> Any:
    first, second = await open_one(), await open_one()
    won = [[row["won"] for row in await c.fetch(RELAY["beat"], 5, [])] for c in (first, second, first)]
    await first.close()
    await asyncio.sleep(MEANWHILE_SECONDS)
    return won, [row["won"] for row in await second.fetch(RELAY["beat"], 5, [])]


async def references_are_shared_or_alone(open_one: Open) -> Any:
    first, second, transaction = await two(open_one)
    third = await open_one()
    await first.execute(INTAKE["lock_references"], 9, [1], [False])
    shared = await begun(second.execute(INTAKE["lock_references"], 9, [1], [False]))
    alone = await begun(third.execute(INTAKE["lock_references"], 9, [1], [True]))
    results = [shared.done(), alone.done()]
    await transaction.commit()
    await alone
    return results


async def a_notification_comes_with_the_commit(open_one: Open) -> Any:
    first, second, transaction = await two(open_one)
    heard: list[str] = []
    await second.add_listener("log", lambda *arguments: heard.append(arguments[2]))
    await first.execute(LOG["move_heads"], [1], [1], [b"1" * 32], ["t"])
    await asyncio.sleep(MEANWHILE_SECONDS)
    before = list(heard)
    await transaction.commit()
    await asyncio.sleep(MEANWHILE_SECONDS)
    return before, heard


async def who_is_closed_says_so(open_one: Open) -> Any:
    first = await open_one()
    ended: list[str] = []
    first.add_termination_listener(lambda _: ended.append("ended"))
    first.terminate()
    await asyncio.sleep(MEANWHILE_SECONDS)
    try:
        await first.fetch(LOG["heads"])
    except asyncpg.InterfaceError as error:
        return ended, type(error).__name__
    return ended, None


SCRIPTS: list[Script] = [
    a_lock_is_waited_for,
    who_compares_and_sets_second_moves_nothing,
    who_compares_and_sets_second_moves_it_if_the_first_gives_up,
    a_key_that_another_is_adding_is_waited_for,
    what_was_added_during_a_wait_is_not_seen,
    two_who_wait_for_each_other_are_told,
    a_transaction_that_failed_takes_no_statement_and_commits_nothing,
    a_repeatable_read_sees_one_moment,
    advisory_locks_go_with_their_session,
    references_are_shared_or_alone,
    a_notification_comes_with_the_commit,
    who_is_closed_says_so,
]


@pytest_asyncio.fixture(loop_scope="session")
async def database(databases: "Databases") -> "ServiceDatabase":
    await prepare(databases.intake, "intake")
    return databases.intake


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
async def test_both_do_the_same(database: "ServiceDatabase", script: Script) -> None:
    double, real = await on_both(database, "intake", script)
    assert double == real
