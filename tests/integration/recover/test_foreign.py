"""Records that intake did not write, on the topics that `recover` reads: they are listed and skipped."""

import hashlib
import json
from typing import Any

import pytest

from shared.errors import NotConfirmed
from shared.recover.consent import Consent
from tests.integration.intake.doors import student
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
    told = json.loads(record.value)
    foreign = [
        b"garbage",
        changed(told, id="no UUID"),
        changed(told, id=told["id"].upper()),
        changed(told, time="yesterday"),
        changed(told, time="2026-01-01T00:00:00"),
        changed(told, causationid="no digits"),
        changed(told, tenant="a\0b"),
        changed(told, data={**told["data"], "inbound": {"partition": 1 << 20, "offset": 1}}),
        changed(told, data={**told["data"], "centers": [1 << 40]}),
    ]
    await accepting.produce("rahnama.rejections", [(record.partition, None, value) for value in foreign])
    before, rejections = await accepting.tables(), await refusals(accepting)
    await backups.restore(accepting.database, copy)

    lines = await accepting.recover()

    for offset, value in enumerate(foreign, 1):
        assert skipped(accepting, "rahnama.rejections", offset, value, record.partition) in lines
    assert "1 rejections are back" in lines
    assert await accepting.tables() == before
    assert await refusals(accepting) == rejections
