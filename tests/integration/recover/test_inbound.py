"""What stands on `rahnama.inbound` behind the restored position is read once more: what of it may have an effect."""

import asyncio
import json
from typing import Any

from tests.integration.intake.harness import Event, student
from tests.integration.recover.accepting import Accepting
from tests.integration.recover.backups import Backups, rows_of


def raw(body: Event) -> bytes:
    return json.dumps(body).encode()


async def test_a_record_that_came_to_nothing_does_not_undo_what_was_accepted_behind_it(
    accepting: Accepting, backups: Backups
) -> None:
    copy = await backups.take(accepting.database)
    first, same, changed, after = (
        student(1, "E1"),
        student(1, "E2"),
        student(1, "E3", group_code=23),
        student(1, "E4", group_code=23),
    )
    refused = student(2, "E5", gender=7)
    await accepting.write([raw(body) for body in (first, same, changed, after, refused)], "E5")
    before, rejections = await accepting.tables(), await refusals(accepting)
    await backups.restore(accepting.database, copy)

    assert "1 events that came to nothing are not applied again" in "\n".join(await accepting.recover())
    async with accepting.running() as intake:
        assert (await intake.answered("E5"))["status"] == "rejected"
        results = {name: (await intake.answered(name)) for name in ("E1", "E2", "E3", "E4")}

    assert {name: result["status"] for name, result in results.items()} == {
        "E1": "accepted",
        "E2": "unchanged",
        "E3": "accepted",
        "E4": "unchanged",
    }
    assert await accepting.tables() == before
    assert await refusals(accepting) == rejections
    [reused] = await accepting.send(student(1, "E1", group_code=25))
    assert reused["errors"][0]["code"] == "ID_REUSED", "the topic still told what E1 was"


async def refusals(accepting: Accepting) -> list[dict[str, Any]]:
    """What was refused, once it was told; the seals apart."""
    told = "rejection_id, tenant, causation_id, type, errors, door, inbound_partition, inbound_offset, lookup"
    return await rows_of(
        accepting.database, f"select {told}, received_at, published, sealed is null as lost from rejections"
    )


async def test_a_record_does_not_undo_what_came_by_the_other_door_after_it(
    accepting: Accepting, backups: Backups
) -> None:
    copy = await backups.take(accepting.database)
    await accepting.write([raw(student(1, "E1")), raw(student(1, "E2"))], "E2")
    [by_http] = await accepting.send(student(1, "E3", group_code=23))
    assert by_http["status"] == "accepted"
    before = await accepting.tables()
    await backups.restore(accepting.database, copy)

    await accepting.recover()
    async with accepting.running() as intake:
        assert (await intake.answered("E2"))["status"] == "unchanged"
        await asyncio.sleep(0.5)

    assert await accepting.tables() == before


async def test_a_record_whose_fact_was_lost_before_it_left_is_applied(
    accepting: Accepting, backups: Backups
) -> None:
    copy = await backups.take(accepting.database)
    await accepting.write([raw(student(1, "E1")), raw(student(2, "E2")), raw(student(3, "E3"))], "E3")
    topic = (await accepting.tables())["log"]
    await backups.restore(accepting.database, copy)
    boys = max(row["partition"] for row in topic)
    last = max(row["sequence"] for row in topic if row["partition"] == boys)
    await accepting.lose_facts(topic, lambda row: (row["partition"], row["sequence"]) == (boys, last))

    await accepting.recover()
    assert len((await accepting.tables())["log"]) == len(topic) - 1
    async with accepting.running() as intake:
        for name in ("E1", "E2", "E3"):
            result = await intake.answered(name)
            assert result["status"] == "accepted"
            assert len(result["facts"]) == 1
    assert len((await accepting.tables())["log"]) == len(topic)


async def test_a_record_about_another_year_does_not_move_the_student_back(
    accepting: Accepting, backups: Backups
) -> None:
    await accepting.send(student(1), student(1, "another year", year=1403))
    copy = await backups.take(accepting.database)
    same, moved = student(1, "E1", year=1403), student(1, "E2", gender=0)
    await accepting.write([raw(same), raw(moved)], "E2")
    before = await accepting.tables()
    await backups.restore(accepting.database, copy)

    await accepting.recover()
    async with accepting.running() as intake:
        assert (await intake.answered("E1"))["status"] == "unchanged"

    assert await accepting.tables() == before
