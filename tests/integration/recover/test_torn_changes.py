"""A change of both pools stands in two partitions: when the database was lost, perhaps only one of them was published."""

from typing import Any

from tests.integration.intake.harness import Event, event, mentor, student
from tests.integration.recover.accepting import Accepting
from tests.integration.recover.backups import Backups

WITHDRAWN = "rahnama.intake.student.withdrawn.v1"
MOVE = student(1, "moves", gender=0)


async def moved(accepting: Accepting, backups: Backups, *events: Event) -> dict[str, list[dict[str, Any]]]:
    """A boy is registered, and corrected to a girl; the tables then. The database is set back to before the correction."""
    await accepting.send(student(1), student(3))
    copy = await backups.take(accepting.database)
    await accepting.send(*events)
    tables = await accepting.tables()
    await backups.restore(accepting.database, copy)
    return tables


def places(log: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    return {(row["partition"], row["sequence"], row["type"], row["subject"], row["version"]) for row in log}


async def test_a_move_without_its_withdrawal_is_completed(accepting: Accepting, backups: Backups) -> None:
    tables = await moved(accepting, backups, MOVE)
    await accepting.lose_facts(tables["log"], lambda row: row["type"] == WITHDRAWN)

    lines = await accepting.recover()

    assert "1 moves between pools had left by half, and are completed by their withdrawals" in lines
    after = await accepting.tables()
    assert places(after["log"]) == places(tables["log"])
    assert after["students"] == tables["students"]
    assert after["student_years"] == tables["student_years"]
    [again] = await accepting.send(MOVE)
    assert (again["status"], len(again["facts"])) == ("duplicate", 2)
    assert not any("moves" in line for line in await accepting.recover())


async def test_a_move_without_its_registration_is_completed_and_its_event_decided_anew_when_it_comes_again(
    accepting: Accepting, backups: Backups
) -> None:
    tables = await moved(accepting, backups, MOVE)
    last = max(row["version"] for row in tables["log"])
    await accepting.lose_facts(tables["log"], lambda row: row["version"] == last)

    lines = await accepting.recover()

    assert any("the new half is lost" in line and "its event must be sent again" in line for line in lines)
    [again] = await accepting.send(MOVE)
    assert again["status"] == "unchanged"  # it says nothing beside the move
    after = await accepting.tables()
    assert places(after["log"]) == places(tables["log"])
    assert after["students"] == tables["students"]
    assert after["student_years"] == tables["student_years"]


async def test_whom_a_manager_and_a_roster_did_not_reach_is_named(
    accepting: Accepting, backups: Backups
) -> None:
    manager = {"manager_id": 1, "is_active": True}
    await accepting.send(
        event("manager.registered", "manager", {**manager, "centers": [0]}),
        mentor(7, manager_id=1),
        student(1, school_code=11),
    )
    copy = await backups.take(accepting.database)
    await accepting.send(
        event("manager.registered", "manager changes", {**manager, "centers": [0, 1]}),
        event("school-roster.published", "roster", {"year": 1404, "school_codes": [11]}),
    )
    log = (await accepting.tables())["log"]
    await backups.restore(accepting.database, copy)
    await accepting.lose_facts(
        log, lambda row: row["version"] == 2 and row["subject"].startswith(("mentor/", "student/"))
    )

    told = "\n".join(await accepting.recover())

    assert "mentor 7 of default has not the centres of its manager" in told
    assert "1 students of 1404 of default are not of the type that the roster says" in told


async def test_who_moved_keeps_its_key_though_all_of_the_old_pool_is_lost(
    accepting: Accepting, backups: Backups
) -> None:
    copy = await backups.take(accepting.database)
    await accepting.send(student(1), MOVE)
    tables = await accepting.tables()
    await backups.restore(accepting.database, copy)
    await accepting.lose_facts(tables["log"], lambda row: row["version"] < 3)

    await accepting.recover()

    after = await accepting.tables()
    for table in ("subject_keys", "students"):
        assert after[table] == tables[table]
    assert "student_years: 1 rows, as before" in await accepting.rebuild()
