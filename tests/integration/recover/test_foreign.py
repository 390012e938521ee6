"""Records that intake did not write, on the topics that `recover` reads: they are listed, and nothing uses them."""

import hashlib
import json
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from services.intake.recover.rejections import ACCEPTED, MISPLACED
from shared.errors import NotConfirmed
from shared.recover.consent import Consent
from tests.integration.intake.harness import student
from tests.integration.recover.accepting import Accepting
from tests.integration.recover.backups import Backups
from tests.integration.recover.test_inbound import raw, refusals

TEXTS = ("not a key", "A1.bm90IGEga2V5")


def skipped(
    accepting: Accepting,
    topic: str,
    offset: int,
    value: bytes,
    partition: int = 0,
    reason: str = "is not readable",
) -> str:
    return (
        f"would skip: offset {offset} of partition {partition} of {accepting.topics.name(topic)}"
        f" {reason} (SHA-256 of its value: {hashlib.sha256(value).hexdigest()})"
    )


async def test_keys_come_back_past_foreign_records_which_the_plan_lists(
    accepting: Accepting, backups: Backups
) -> None:
    copy = await backups.take(accepting.database)
    await accepting.produce("rahnama.keys", [(0, text.encode(), text.encode()) for text in TEXTS])
    await accepting.produce("rahnama.keys", [(0, b"\xff", b"\xff")])
    await accepting.send(student(1), student(3))
    before, answers = await accepting.tables(), await accepting.answers()
    await backups.restore(accepting.database, copy)

    lines: list[str] = []
    with pytest.raises(NotConfirmed):
        await accepting.recover(Consent(), into=lines)
    for offset, value in enumerate((*(text.encode() for text in TEXTS), b"\xff")):
        assert skipped(accepting, "rahnama.keys", offset, value) in lines
    assert "would bring back: 2 facts, 2 keys and 0 rejections in all" in lines

    assert "2 keys are back" in await accepting.recover()
    assert (await accepting.tables(), await accepting.answers()) == (before, answers)


def changed(event: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({**event, **changes}).encode()


async def test_rejections_come_back_past_foreign_records_which_the_plan_lists(
    accepting: Accepting, backups: Backups
) -> None:
    copy = await backups.take(accepting.database)
    await accepting.write([raw(student(1, "E1")), raw(student(2, "E2", gender=7))], "E2")
    async with accepting.running() as intake:
        [record] = await intake.read_topic("rahnama.rejections", 1)
    original = json.loads(record.value)
    foreign = [
        b"garbage",
        changed(original, id="no UUID"),
        changed(original, id=original["id"].upper()),
        changed(original, time="yesterday"),
        changed(original, time="2026-01-01T00:00:00"),
        changed(original, causationid="no digits"),
        changed(original, causationid=original["causationid"].upper()),
        changed(original, tenant="a\0b"),
        changed(original, data={**original["data"], "inbound": {"partition": 1 << 20, "offset": 1}}),
        changed(original, data={**original["data"], "centers": [1 << 40]}),
    ]
    await accepting.produce("rahnama.rejections", [(record.partition, None, value) for value in foreign])
    before, rejections = await accepting.tables(), await refusals(accepting)
    await backups.restore(accepting.database, copy)

    lines: list[str] = []
    with suppress(asyncpg.PostgresError):
        await accepting.recover(into=lines)

    for offset, value in enumerate(foreign, 1):
        assert skipped(accepting, "rahnama.rejections", offset, value, record.partition) in lines
    assert "1 rejections are back" in lines
    assert await accepting.tables() == before
    assert await refusals(accepting) == rejections


async def test_a_forged_rejection_of_an_accepted_event_is_not_its_answer(
    accepting: Accepting, backups: Backups
) -> None:
    """Its causation id is readable on rahnama.intake, and is the event's idempotency key."""
    [known, refused] = await accepting.send(student(3, "E0"), student(5, "E1", gender=7))
    assert refused["status"] == "rejected"
    copy = await backups.take(accepting.database)
    [first] = await accepting.send(student(1, "E2"))
    async with accepting.running() as intake:
        [record] = await intake.read_topic("rahnama.rejections", 1)
    original = json.loads(record.value)
    causes = {row["subject"]: row["causation_id"] for row in (await accepting.tables())["log"]}
    here = record.partition
    forged = {
        reason: [
            _forgery(original, number, causes[one["subject"]], **changes) for number, one, changes in found
        ]
        for reason, found in (
            (ACCEPTED, [(1, first, {}), (2, known, {}), (3, first, {"door": "kafka"})]),
            (MISPLACED, [(4, first, {})]),
        )
    }
    records = [(here, None, value) for value in forged[ACCEPTED]]
    elsewhere = (here + 1) % accepting.topics.partitions
    await accepting.produce(
        "rahnama.rejections", [*records, *((elsewhere, None, value) for value in forged[MISPLACED])]
    )
    before, answers = await accepting.tables(), await accepting.answers()
    await backups.restore(accepting.database, copy)

    lines = await accepting.recover()

    for offset, value in enumerate(forged[ACCEPTED], 1):
        assert skipped(accepting, "rahnama.rejections", offset, value, here, ACCEPTED) in lines
    [misplaced] = forged[MISPLACED]
    assert skipped(accepting, "rahnama.rejections", 0, misplaced, elsewhere, MISPLACED) in lines
    assert any(line.startswith("warning: 4 foreign records on") for line in lines)
    assert (await accepting.tables(), await accepting.answers()) == (before, answers)
    assert [str(row["rejection_id"]) for row in await refusals(accepting)] == [original["id"]]
    [again] = await accepting.send(student(1, "E2"))
    assert (again["status"], again["subject"]) == ("duplicate", first["subject"])


def _forgery(original: dict[str, Any], number: int, causation_id: str, **changes: Any) -> bytes:
    name = f"00000000-0000-0000-0000-{number:012}"
    data = {**original["data"], "rejection_id": name, **changes}
    return changed(original, id=name, causationid=causation_id, data=data)


async def test_a_rejection_of_a_source_that_is_allowed_since_is_no_answer_of_the_accepted_event(
    accepting: Accepting, backups: Backups
) -> None:
    """Anyone can forge one that names the event's own record; it is kept, for it may be true, and answers nothing."""
    await accepting.write([raw(student(5, "E1", gender=7))], "E1")
    copy = await backups.take(accepting.database)
    await accepting.write([raw(student(1, "E2"))], "E2")
    async with accepting.running() as intake:
        [record] = await intake.read_topic("rahnama.rejections", 1)
    original = json.loads(record.value)
    [row] = (await accepting.tables())["log"]
    forged = _forgery(
        original,
        1,
        row["causation_id"],
        inbound={"partition": 0, "offset": 1},
        errors=[{"pointer": "/source", "code": "SOURCE_NOT_ALLOWED"}],
    )
    await accepting.produce("rahnama.rejections", [(record.partition, None, forged)])
    answers = await accepting.answers()
    await backups.restore(accepting.database, copy)

    await accepting.recover()

    assert await accepting.answers() == answers
    [again] = await accepting.send(student(1, "E2"))
    assert (again["status"], again["subject"]) == ("duplicate", row["subject"])
