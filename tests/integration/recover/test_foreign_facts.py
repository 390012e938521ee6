"""Garbage on the topics of facts and decisions: what stands behind it comes back, and the garbage is listed."""

from typing import Any

import pytest

from shared.errors import NotConfirmed
from shared.recover.consent import Consent
from shared.recover.continuation import NO_EVENT
from tests.integration.intake.harness import student
from tests.integration.recover.accepting import Accepting
from tests.integration.recover.backups import Backups
from tests.integration.recover.deciding import Deciding
from tests.integration.recover.test_allocation import GIRLS, chain_of, decided, deciding
from tests.integration.recover.test_foreign import skipped

__all__ = ["deciding"]

GARBAGE = b"garbage"


async def test_facts_behind_garbage_come_back(accepting: Accepting, backups: Backups) -> None:
    copy = await backups.take(accepting.database)
    await accepting.send(student(1), student(3), student(5))
    before, answers = await accepting.tables(), await accepting.answers()
    [first, *others] = [(row["partition"], None, row["value"]) for row in before["log"]]
    partition = first[0]
    await accepting.make_anew("rahnama.intake", [first, (partition, None, GARBAGE), *others])
    await backups.restore(accepting.database, copy)
    listed = skipped(accepting, "rahnama.intake", 1, GARBAGE, partition, NO_EVENT)

    lines: list[str] = []
    with pytest.raises(NotConfirmed):
        await accepting.recover(Consent(), into=lines)
    assert listed in lines
    lines = await accepting.recover()

    assert listed in lines
    assert any(line.startswith("warning: 1 foreign records on") for line in lines)
    assert lines[-1].startswith("3 facts are back")
    assert (await accepting.tables(), await accepting.answers()) == (before, answers)


def with_garbage(values: list[Any]) -> list[Any]:
    middle = len(values) // 2
    return [GARBAGE, *values[:middle], GARBAGE, *values[middle:], GARBAGE]


async def test_decisions_are_decided_again_past_garbage_on_both_topics(
    deciding: Deciding, backups: Backups
) -> None:
    chain = chain_of(seed=5, students=40)
    copy = await backups.take(deciding.database)
    await decided(deciding, chain, 1, len(chain.values))
    log, tables = await deciding.log(), await deciding.tables()
    await deciding.make_topics_anew()
    await deciding.produce("intake", GIRLS, with_garbage(list(chain.values)))
    await deciding.produce("allocation", GIRLS, with_garbage([row[6] for row in log]))
    await backups.restore(deciding.database, copy)

    lines = await deciding.recover()

    assert len([line for line in lines if line.startswith("would skip: ")]) == 3
    # The facts behind the last lost decision are not read.
    assert len([line for line in lines if line.startswith("skipped: ")]) >= 2
    assert await deciding.log() == log
    assert await deciding.tables() == tables
    rebuilt = await deciding.rebuild()
    assert len([line for line in rebuilt if line.startswith("skipped: ")]) >= 2
    assert await deciding.tables() == tables
    async with deciding.running() as client:
        headers = deciding.issuer.headers("auditor")
        report = (await client.post("/v1/verification/read-models", headers=headers)).json()
    assert report["differences"] == []
