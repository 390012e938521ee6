"""What `recover` does where keys are missing, or foreign: it refuses before it changes anything, or keeps what there is."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from services.intake.crypto.key_record import record_key
from services.intake.crypto.sealing import Keyring
from shared.errors import CannotRecover
from tests.integration.intake.harness import mentor, student
from tests.integration.recover.accepting import AGREED, SECONDS, Accepting
from tests.integration.recover.backups import Backups, rows_of
from tests.integration.recover.test_erasures import erased, forge_tombstone
from tests.integration.recover.test_foreign import skipped

MARKS = "select command from recovering"
GARBAGE = b"no key"


async def test_a_lost_fact_whose_key_is_nowhere_stops_the_command_before_a_key_is_destroyed(
    accepting: Accepting, backups: Backups
) -> None:
    [gone] = await accepting.send(student(1))
    copy = await backups.take(accepting.database)
    [other, adviser, _] = await accepting.send(student(3), mentor(5), student(7))
    await erased(accepting, gone["subject"])
    keyring = Keyring(accepting.settings().read_master_key())
    missing = {record_key(keyring, "default", one["subject"]) for one in (other, adviser)}
    async with accepting.running() as intake:
        records = await intake.read_topic("rahnama.keys", 5)
    kept = [(one.partition, one.key, one.value) for one in records if one.key not in missing]
    await accepting.make_anew("rahnama.keys", [*kept, (0, b"foreign", GARBAGE)])
    await backups.restore(accepting.database, copy)
    before = await accepting.tables()

    lines: list[str] = []
    with pytest.raises(
        CannotRecover, match=r"the keys of 2 subjects are missing, of mentor/5 .* Nothing was"
    ):
        await accepting.recover(AGREED, into=lines)

    assert skipped(accepting, "rahnama.keys", 0, GARBAGE) in lines
    assert await accepting.tables() == before
    assert gone["subject"] in {row["subject"] for row in before["subject_keys"]}
    assert await rows_of(accepting.database, MARKS) == []


@pytest.mark.parametrize("known_to_the_backup", [True, False])
async def test_a_tombstone_of_a_mentor_is_listed_and_its_record_sent_again(
    accepting: Accepting, backups: Backups, known_to_the_backup: bool
) -> None:
    if known_to_the_backup:
        [adviser] = await accepting.send(mentor(5))
    copy = await backups.take(accepting.database)
    if not known_to_the_backup:
        [adviser] = await accepting.send(mentor(5))
    await accepting.send(student(3))
    index = await forge_tombstone(accepting, adviser)
    before = await accepting.tables()
    await backups.restore(accepting.database, copy)

    lines = await accepting.recover()

    assert (
        "not destroyed: mentor/5 of default has a tombstone on rahnama.keys, but only students are erased:"
        " a foreign writer"
    ) in lines
    assert "would destroy: nothing" in lines
    assert "mentor/5 is kept: nothing confirms its tombstone" in lines
    assert await accepting.tables() == before
    async with accepting.running() as intake, asyncio.timeout(SECONDS):
        last = None
        while last is None:
            records = await intake.read_topic("rahnama.keys", 3)
            last = [record.value for record in records if record.key == index][-1]
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("has_keys", [True, False])
async def test_a_topic_of_foreign_records_alone_is_no_other_master_key(
    accepting: Accepting, backups: Backups, has_keys: bool
) -> None:
    if has_keys:
        await accepting.send(student(1))
    await accepting.make_anew("rahnama.keys", [(0, b"foreign", GARBAGE)])
    before = await accepting.tables()

    lines: list[str] = []
    with suppress(CannotRecover):
        await accepting.recover(into=lines)

    assert skipped(accepting, "rahnama.keys", 0, GARBAGE) in lines
    assert lines[-1].startswith("0 facts are back")
    assert await accepting.tables() == before


async def test_another_master_key_is_found_by_the_databases_keys_before_anything_is_changed(
    accepting: Accepting, tmp_path: Path
) -> None:
    await accepting.send(student(1))
    await accepting.make_anew("rahnama.keys", [])
    other = tmp_path / "other.key"
    other.write_text("A" * 43 + "=", encoding="ascii")
    with pytest.raises(CannotRecover) as caught:
        await accepting.recover(master_key_file=other)
    assert str(caught.value) == "the keys in the database were wrapped under another master key"
    assert await rows_of(accepting.database, MARKS) == []
