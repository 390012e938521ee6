"""A recovery that was interrupted: the log is level with its topic, or a key is destroyed, but not everything is done."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from services.intake.recover.recover import recover
from shared.errors import CannotRecover, Unfinished
from shared.recover.consent import Consent
from tests.integration.intake.harness import student
from tests.integration.recover.accepting import AGREED, Accepting
from tests.integration.recover.backups import Backups
from tests.integration.recover.test_erasures import forge_tombstone


async def test_the_service_starts_only_after_the_command_has_ended_whole(
    accepting: Accepting, backups: Backups
) -> None:
    [first] = await accepting.send(student(1))
    copy = await backups.take(accepting.database)
    await accepting.send(student(1, "again", group_code=23), student(3))
    tables = await accepting.tables()
    await backups.restore(accepting.database, copy)

    settings = accepting.settings(database_url=accepting.database.owner_dsn)
    lines = recover(settings, AGREED)
    assert isinstance(lines, AsyncGenerator)
    async with aclosing(lines):
        async for line in lines:
            if line.startswith("partition "):
                break
    assert (await accepting.tables())["log_head"] == tables["log_head"]

    with pytest.raises(Unfinished, match="intake recover was interrupted on this database: give it again"):
        await accepting.send(student(5))
    assert (await accepting.tables())["log"] == tables["log"]

    assert (await accepting.recover())[-1].startswith("0 facts are back")
    assert await accepting.tables() == tables
    [again] = await accepting.send(student(1, "next", group_code=22))
    assert (again["status"], again["subject"]) == ("accepted", first["subject"])


async def test_after_a_destroyed_key_the_service_starts_only_when_its_erasure_is_appended(
    accepting: Accepting,
) -> None:
    [result, other] = await accepting.send(student(1), student(3))
    index = await forge_tombstone(accepting, result)
    async with accepting.running() as intake:
        told = await intake.read_topic("rahnama.keys", 3)
    confirmed = Consent(yes=True, erasures=frozenset({result["subject"]}))
    lines = recover(accepting.settings(database_url=accepting.database.owner_dsn), confirmed)
    assert isinstance(lines, AsyncGenerator)
    async with aclosing(lines):
        async for line in lines:
            if "were destroyed by erasures" in line:
                break
    keyed = {row["subject"] for row in (await accepting.tables())["subject_keys"]}
    assert keyed == {other["subject"]}

    with pytest.raises(Unfinished, match="intake recover was interrupted on this database: give it again"):
        await accepting.send(student(5))
    kept = [(one.partition, one.key, one.value) for one in told if one.key != index or one.value is None]
    await accepting.make_anew("rahnama.keys", kept)
    with pytest.raises(CannotRecover, match=f"--confirm-erasure {result['subject']}"):
        await accepting.recover()

    assert "1 erasures had left by their tombstones alone, and are said again" in await accepting.recover(
        confirmed
    )
    [erased] = [
        row for row in (await accepting.tables())["log"] if row["type"] == "rahnama.intake.student.erased.v1"
    ]
    assert erased["subject"] == result["subject"]
    [again] = await accepting.send(student(5))
    assert again["status"] == "accepted"
