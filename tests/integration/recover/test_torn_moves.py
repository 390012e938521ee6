"""A move of several years between pools, of which only the old pool's half had been published."""

import json
from typing import Any

import pytest

from services.intake.recover import recover as command
from services.intake.recover.incomplete_moves import Completed
from tests.integration.intake.harness import Event, student
from tests.integration.recover.accepting import Accepting
from tests.integration.recover.backups import Backups

LAST_YEAR = student(1, "last-year", year=1403, first_name="پیشین")
COMES_AGAIN = "the new half is lost"


async def torn(
    accepting: Accepting, backups: Backups, *events: Event, lost_after: int = 0
) -> dict[str, list[dict[str, Any]]]:
    """A boy of two years; the database is set back to before `events`, and what the girls' pool had is lost.

    The tables as they were. `lost_after`: of the girls' partition this many facts were published.
    """
    await accepting.send(LAST_YEAR, student(1), student(3))
    copy = await backups.take(accepting.database)
    await accepting.send(*events)
    tables = await accepting.tables()
    girls = next(
        row["partition"] for row in tables["log"] if json.loads(row["value"])["data"].get("gender") == 0
    )
    await backups.restore(accepting.database, copy)
    await accepting.lose_facts(
        tables["log"], lambda row: row["partition"] == girls and row["sequence"] > lost_after
    )
    return tables


def years(tables: dict[str, list[dict[str, Any]]]) -> list[tuple[Any, ...]]:
    """What the years hold, without their places and versions."""
    return [
        tuple(value for name, value in row.items() if name not in ("version", "sequence", "arrival_female"))
        for row in tables["student_years"]
    ]


def versions(tables: dict[str, list[dict[str, Any]]]) -> list[int]:
    """The versions of the student who moves, in the order of each partition."""
    subject = next(row["subject"] for row in tables["log"] if row["version"] > 1)
    return [row["version"] for row in tables["log"] if row["subject"] == subject]


@pytest.mark.parametrize("changes", [{}, {"group_code": 23, "first_name": "تازه"}])
@pytest.mark.parametrize("lost_after", [0, pytest.param(1, marks=pytest.mark.long)])
async def test_every_year_is_in_the_new_pool_and_the_event_sent_again_brings_what_it_said(
    accepting: Accepting, backups: Backups, changes: dict[str, Any], lost_after: int
) -> None:
    move = student(1, "moves", gender=0, **changes)
    tables = await torn(accepting, backups, move, lost_after=lost_after)

    lines = await accepting.recover()

    assert any(COMES_AGAIN in line for line in lines)
    between = await accepting.tables()
    assert versions(between) == versions(tables)
    assert not any(row["is_withdrawn"] for row in between["student_years"])
    assert between["students"] == tables["students"]
    assert all(line.endswith("as before") for line in (await accepting.rebuild())[:-1])

    [again] = await accepting.send(move)
    # What it says of the moved year stands there already, unless it said more than the move.
    assert again["status"] == ("accepted" if changes else "unchanged")
    assert years(await accepting.tables()) == years(tables)
    assert not any("move" in line for line in await accepting.recover())


async def test_a_year_that_the_move_began_comes_with_its_event(
    accepting: Accepting, backups: Backups
) -> None:
    move = student(1, "moves", gender=0, year=1405)
    tables = await torn(accepting, backups, move)

    await accepting.recover()
    [again] = await accepting.send(move)

    assert again["status"] == "accepted"
    assert years(await accepting.tables()) == years(tables)


async def test_who_has_moved_back_since_stays_there(accepting: Accepting, backups: Backups) -> None:
    move, back = student(1, "moves", gender=0, group_code=23), student(1, "moves-back")
    tables = await torn(accepting, backups, move, back)

    lines = await accepting.recover()

    assert not any(COMES_AGAIN in line for line in lines)
    after = await accepting.tables()
    assert versions(after) == versions(tables)
    assert years(after) == years(tables)
    assert [answer["status"] for answer in await accepting.send(move, back)] == ["duplicate", "duplicate"]
    assert years(await accepting.tables()) == years(tables)


async def test_a_year_that_came_first_after_the_way_back_is_no_withdrawal(
    accepting: Accepting, backups: Backups
) -> None:
    """Its fact stands behind the lost registration of another year."""
    move, back = student(1, "moves", gender=0), student(1, "moves-back", year=1402)
    tables = await torn(accepting, backups, move, back)

    await accepting.recover()

    after = await accepting.tables()
    assert versions(after) == versions(tables)
    assert years(after) == years(tables)


async def test_a_year_that_was_registered_anew_since_stays_as_it_is(
    accepting: Accepting, backups: Backups, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older release left the year withdrawn; upstream has sent both years again, the last one with another group."""

    async def nothing(*_: object) -> Completed:
        return Completed(0, ())

    tables = await torn(accepting, backups, student(1, "moves", gender=0))
    with monkeypatch.context() as older:
        older.setattr(command, "complete_moves", nothing)
        await accepting.recover()
    again = [
        student(1, "again", gender=0),
        student(1, "last-year-again", year=1403, gender=0, group_code=23),
    ]
    assert [answer["status"] for answer in await accepting.send(*again)] == ["accepted", "accepted"]
    before = await accepting.tables()
    assert len(versions(before)) == len(versions(tables))

    lines = await accepting.recover()

    assert not any(COMES_AGAIN in line for line in lines)
    assert await accepting.tables() == before
