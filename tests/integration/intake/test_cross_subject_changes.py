"""One event, many subjects: what stands in the log afterwards, what its sender is told, and that seals stay whole."""

import asyncio
import json
from typing import Any

import pytest

from services.intake.append.idempotency import MOST_LISTED
from services.intake.crypto.key_record import open_record, record_key
from tests.integration.intake.crossing import TIME, facts_of, manager, opened, roster, withdrawal
from tests.integration.intake.harness import Event, Intake, mentor, student

YEAR = 1388


async def test_a_manager_reissues_its_mentors_under_their_seals(intake: Intake) -> None:
    await intake.send_batch(
        [
            mentor(number, manager_id=70, name=f"name {number}", gender=number % 2)
            for number in (703, 701, 702)
        ]
    )
    result = await intake.send(manager(70, "manager-70", [1, 2]))
    assert (result["status"], result["reissued"], len(result["facts"])) == ("accepted", 3, 4)
    facts = {fact["subject"]: fact for fact in await facts_of(intake, result)}
    assert {
        name: (fact["version"], fact.get("manager_centers"), fact["occurred_at"])
        for name, fact in facts.items()
    } == {
        "manager/70": (1, None, TIME), "mentor/701": (2, [1, 2], TIME), "mentor/702": (2, [1, 2], TIME),
        "mentor/703": (2, [1, 2], TIME),
    }  # fmt: skip
    for number in (701, 702, 703):
        subject = f"mentor/{number}"
        assert facts[subject]["gender"] == number % 2
        assert await opened(intake, subject, 2) == await opened(intake, subject, 1)
        assert (await opened(intake, subject, 2))["name"] == f"name {number}"
        shown = (await intake.get(f"/v1/mentors/{number}")).json()
        assert (shown["manager_centers"], shown["version"]) == ([1, 2], 2)
    assert (await intake.send(mentor(701, "mentor-701-again", manager_id=70, name="name 701")))["status"] == (
        "unchanged"
    )
    again = await intake.send(manager(70, "manager-70", [1, 2]))
    assert again == {**result, "status": "duplicate"}
    assert (await intake.look_up("manager-70")).json() == result


async def test_a_batch_sees_what_its_earlier_events_reissued(intake: Intake) -> None:
    results = await intake.send_batch(
        [
            mentor(711, manager_id=71, name="first"),
            manager(71, "m-71-1", [0]),
            mentor(711, "711-2", manager_id=71, name="second"),
            manager(71, "m-71-2", [1]),
            manager(71, "m-71-3", [1], full_name="only a name"),
            mentor(711, "711-3", manager_id=71, name="second"),
        ]
    )
    assert [(item["status"], item.get("reissued")) for item in results] == [
        ("accepted", None), ("accepted", 1), ("accepted", None), ("accepted", 1), ("accepted", None),
        ("unchanged", None),
    ]  # fmt: skip
    names = [(await opened(intake, "mentor/711", version))["name"] for version in (1, 2, 3, 4)]
    assert names == ["first", "first", "second", "second"]


async def test_a_roster_reissues_by_arrival_and_the_seals_stay(intake: Intake) -> None:
    people = [3, 1, 5, 2, 4]
    await intake.send_batch(
        [student(800 + each, year=YEAR, gender=0, school_code=901, last_name=f"n{each}") for each in people]
    )
    await intake.send(student(801, "801-again", year=YEAR, gender=0, school_code=901, last_name="later"))
    await intake.send(student(805, "805-moves", year=YEAR, gender=1, school_code=901))
    await intake.send(student(805, "805-returns", year=YEAR, gender=0, school_code=901, last_name="n5"))
    await intake.send(withdrawal(804, "804-leaves", YEAR))
    result = await intake.send(roster("roster-1", YEAR, [901]))
    facts = await facts_of(intake, result)
    assert facts[0]["subject"] == f"school-roster/{YEAR}"
    names = [(await opened(intake, fact["subject"], fact["version"]))["last_name"] for fact in facts[1:]]
    assert names == ["n3", "later", "n5", "n2"], "by arrival, which who returns keeps"
    assert {(fact["student_type"], fact["occurred_at"]) for fact in facts[1:]} == {(1, TIME)}
    assert (result["reissued"], len(result["facts"])) == (4, 5)
    assert (
        await intake.send(student(802, "802-again", year=YEAR, gender=0, school_code=901, last_name="n2"))
    )["status"] == "unchanged"
    nobody = await intake.send(roster("roster-2", YEAR, [901, 902]))
    assert ("reissued" in nobody, len(nobody["facts"])) == (False, 1)


async def test_events_after_a_roster_in_its_batch_find_who_was_reissued(intake: Intake) -> None:
    year = YEAR + 1
    results = await intake.send_batch(
        [
            student(820, year=year, school_code=903),
            roster("r-1", year, [903]),
            student(820, "820-same", year=year, school_code=903),
            student(821, year=year, school_code=903),
            roster("r-2", year, []),
            student(821, "821-same", year=year, school_code=903),
        ]
    )
    assert [item["status"] for item in results] == [
        "accepted", "accepted", "unchanged", "accepted", "accepted", "unchanged",
    ]  # fmt: skip
    assert [item.get("reissued") for item in results] == [None, 1, None, None, 2, None]


async def test_of_many_reissued_the_answer_lists_the_last_of_each_partition(intake: Intake) -> None:
    year, many = YEAR + 2, MOST_LISTED + 20
    await intake.send_batch([student(1000 + each, year=year, school_code=904) for each in range(many)])
    result = await intake.send(roster("roster-of-many", year, [904]))
    assert result["reissued"] == many
    rows = await intake.rows(
        "select partition, min(sequence) as first, max(sequence) as last from log where causation_id = $1"
        " group by 1 order by 1",
        result["causation_id"],
    )
    own = {"partition": rows[0]["partition"], "sequence": rows[0]["first"]}
    assert result["facts"] == [
        own,
        *({"partition": row["partition"], "sequence": row["last"]} for row in rows),
    ]
    again = await intake.send(roster("roster-of-many", year, [904]))
    assert again == {**result, "status": "duplicate"}


async def test_a_corrected_gender_moves_all_years_in_one_answer(intake: Intake) -> None:
    first = await intake.send(student(830, year=1401, gender=0, last_name="of 1401", group_code=1))
    await intake.send(student(830, "830-1403", year=1403, gender=0, last_name="of 1403"))
    result = await intake.send(student(830, "830-moves", year=1402, gender=1, last_name="of 1402", time=TIME))
    assert (result["status"], result["subject"], "reissued" in result) == (
        "accepted", first["subject"], False,
    )  # fmt: skip
    places = result["facts"]
    assert [place["partition"] % 2 for place in places] == [0, 1, 1, 0, 1]
    facts = sorted(await facts_of(intake, result), key=lambda fact: int(fact["version"]))
    assert [(fact["kind"].split(".")[3], fact["year"], fact["gender"], fact["version"]) for fact in facts] == [
        ("withdrawn", 1401, 0, 3), ("registered", 1401, 1, 4), ("registered", 1402, 1, 5),
        ("withdrawn", 1403, 0, 6), ("registered", 1403, 1, 7),
    ]  # fmt: skip
    assert facts[1]["group_code"] == 1
    subject = str(first["subject"])
    seals = [(await opened(intake, subject, version))["last_name"] for version in (4, 5, 7)]
    assert seals == ["of 1401", "of 1402", "of 1403"]
    student_id = subject.removeprefix("student/")
    shown = (await intake.get(f"/v1/students/{student_id}?year=1401")).json()
    assert (shown["gender"], shown["version"], shown["status"]) == (1, 4, "registered")
    assert (
        await intake.send(student(830, "830-moves", year=1402, gender=1, last_name="of 1402", time=TIME))
    )["facts"] == places


async def test_the_key_of_who_moved_is_published_for_both_pools(intake: Intake) -> None:
    """The partition that the student came to may be relayed before the one with the student's first fact."""
    first = await intake.send(student(835, year=1401, gender=0))
    moved = await intake.send(student(835, "835-moves", year=1401, gender=1))
    index = record_key(intake.keyring, "default", str(first["subject"]))
    wanted = {place["partition"] for place in moved["facts"]}
    assert len(wanted) == 2
    async with asyncio.timeout(20):
        while True:
            records = await intake.read_topic("rahnama.keys", 1)
            if {record.partition for record in records if record.key == index} == wanted:
                break
    keys = {
        open_record(intake.keyring, record.key, record.value) for record in records if record.key == index
    }
    assert {key.subject for key in keys} == {first["subject"]}


@pytest.mark.parametrize("door", ["http", "kafka"])
async def test_a_student_is_withdrawn_and_registered_again(intake: Intake, door: str) -> None:
    number = 840 if door == "http" else 841

    async def send(body: Event) -> dict[str, Any]:
        if door == "http":
            return await intake.send(body)
        await intake.write_inbound(json.dumps(body).encode())
        return await intake.answered(str(body["id"]))

    unknown = await send(withdrawal(number, f"{number}-unknown", 1400))
    assert (unknown["status"], unknown["subject"]) == ("rejected", None)
    assert [(item["pointer"], item["code"]) for item in unknown["errors"]] == [
        ("/data/national_id", "STUDENT_NOT_REGISTERED")
    ]
    [kept] = await intake.rows(
        "select lookup from rejections where causation_id = $1", unknown["causation_id"]
    )
    assert kept["lookup"] is not None, "an erasure must find it"
    first = await send(student(number, year=1400))
    left = await send(withdrawal(number, f"{number}-leaves", 1400))
    assert (left["status"], left["subject"], len(left["facts"])) == ("accepted", first["subject"], 1)
    [fact] = await facts_of(intake, left)
    assert (fact["kind"], fact["version"], fact["gender"], fact["reason"], fact["occurred_at"]) == (
        "rahnama.intake.student.withdrawn.v1", 2, number % 2, "withdrawn", TIME,
    )  # fmt: skip
    assert "CANARY" not in json.dumps(fact)
    shown = (await intake.get(f"/v1/students/{fact['student_id']}?year=1400")).json()
    assert (shown["status"], shown["version"]) == ("withdrawn", 2)
    assert (await send(withdrawal(number, f"{number}-again", 1400)))["status"] == "unchanged"
    back = await send(student(number, f"{number}-back", year=1400))
    assert (back["status"], back["subject"]) == ("accepted", first["subject"])
    shown = (await intake.get(f"/v1/students/{fact['student_id']}?year=1400")).json()
    assert (shown["status"], shown["version"]) == ("registered", 3)


async def test_what_was_reissued_and_moved_is_on_the_topic_as_it_is_in_the_log(intake: Intake) -> None:
    rows = await intake.rows("select value from log")
    records = await intake.read_topic("rahnama.intake", len(rows))
    assert {record.value for record in records} == {row["value"] for row in rows}
