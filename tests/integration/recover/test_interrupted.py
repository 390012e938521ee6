"""A recovery that was interrupted behind its last fact: the log is level with its topic, but not everything is done."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from services.intake.recover.recover import recover
from shared.errors import Unfinished
from tests.integration.intake.doors import student
from tests.integration.recover.accepting import AGREED, Accepting
from tests.integration.recover.backups import Backups


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
