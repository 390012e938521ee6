"""Allocation's database is set back to an older copy: its decisions are decided again, to the same bytes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.contracts.envelope import leaf_hash
from shared.errors import CannotRecover, Fork, InUse, NotTheOwner
from shared.recover.exclusive import exclusive
from tests.chains import Chain, mentor, partition_of, student
from tests.integration.allocation.test_writer import history
from tests.integration.recover.backups import Backups, as_owner, rows_of
from tests.integration.recover.deciding import SECONDS, TABLES, Deciding
from tests.servers import MakesDatabases, MakesTopics

GIRLS = partition_of("default", 0, 4)


@pytest_asyncio.fixture(loop_scope="session")
async def deciding(
    make_databases: MakesDatabases, topics: MakesTopics, tmp_path: Path
) -> AsyncIterator[Deciding]:
    """Migrated, with topics of four partitions."""
    deciding = Deciding((await make_databases()).allocation, await topics(partitions=4), tmp_path)
    await deciding.migrate()
    yield deciding


def chain_of(seed: int, students: int) -> Chain:
    """A history of one pool in the partition that it has here."""
    chain = history(seed, students)
    there = Chain("intake", GIRLS)
    for received in chain.received(1, len(chain.values)):
        envelope = received.envelope
        there.add(envelope.type, envelope.subject, bytes(envelope.data))
    return there


async def decided(deciding: Deciding, chain: Chain, first: int, last: int) -> None:
    """The service decides these facts, publishes and stops."""
    await deciding.produce("intake", GIRLS, chain.values[first - 1 : last])
    async with deciding.running():
        await deciding.applied(GIRLS, last)


async def test_lost_decisions_come_back_byte_for_byte_and_the_service_goes_on(
    deciding: Deciding, backups: Backups
) -> None:
    chain = chain_of(seed=5, students=120)
    await decided(deciding, chain, 1, 60)
    copy = await backups.take(deciding.database)
    await decided(deciding, chain, 61, 120)
    log, tables = await deciding.log(), await deciding.tables()
    await backups.restore(deciding.database, copy)
    assert len(await deciding.log()) < len(log)

    async with deciding.running() as client:
        before = await deciding.log()
        reason = (await client.get("/readyz")).json()["parts"]["relay"]
        assert "the database was restored, and its missing events must be brought back" in reason
        await asyncio.sleep(1)
        assert await deciding.log() == before, "something was appended to a log behind its topic"
    lines = await deciding.recover()

    assert lines[-1].startswith(f"{len(log) - len(before)} decisions are back")
    assert await deciding.log() == log
    assert await deciding.tables() == tables
    assert (await deciding.recover())[-1].startswith("0 decisions are back")
    await decided(deciding, chain, 121, len(chain.values))


async def test_an_interrupted_recovery_is_given_again_and_ends_the_same(
    deciding: Deciding, backups: Backups
) -> None:
    copy = await backups.take(deciding.database)
    chain = chain_of(seed=6, students=150)
    await decided(deciding, chain, 1, len(chain.values))
    log, tables = await deciding.log(), await deciding.tables()
    await backups.restore(deciding.database, copy)

    recovering = asyncio.create_task(deciding.recover(batch_records=3))
    async with asyncio.timeout(SECONDS):
        while not await rows_of(deciding.database, "select 1 from log limit 1"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    recovering.cancel()
    await asyncio.gather(recovering, return_exceptions=True)
    assert 0 < len(await deciding.log()) < len(log)
    await deciding.recover()

    assert await deciding.log() == log
    assert await deciding.tables() == tables


async def test_a_topic_that_ends_within_a_facts_decisions_is_gone_beyond(
    deciding: Deciding, backups: Backups
) -> None:
    chain = Chain("intake", GIRLS)
    for number in range(1, 5):
        chain.add_fact(student(number))
    chain.add_fact(mentor(1, capacity=4))
    await decided(deciding, chain, 1, 4)
    copy = await backups.take(deciding.database)
    await decided(deciding, chain, 5, 5)
    log = await deciding.log()
    assert len(log) == 8, "the mentor's fact serves all four who wait"
    await backups.restore(deciding.database, copy)
    await cut_decisions(deciding, chain, log, 5)

    lines = await deciding.recover()

    assert lines[-1].startswith("1 decisions are back")
    assert await deciding.log() == log


async def cut_decisions(deciding: Deciding, chain: Chain, log: list[tuple[Any, ...]], last: int) -> None:
    """The topic of decisions made anew, up to `last`."""
    await deciding.make_topics_anew()
    await deciding.produce("intake", GIRLS, chain.values)
    await deciding.produce("allocation", GIRLS, [row[6] for row in log[:last]])


async def test_a_fork_names_partition_sequence_and_both_hashes_and_writes_nothing(
    deciding: Deciding, backups: Backups
) -> None:
    chain = chain_of(seed=7, students=20)
    await decided(deciding, chain, 1, 5)
    copy = await backups.take(deciding.database)
    await decided(deciding, chain, 6, len(chain.values))
    log = await deciding.log()
    await backups.restore(deciding.database, copy)
    kept = await deciding.log()
    sequence = len(kept) + 1
    other = log[sequence - 1][6].replace(b'"policy":"default"', b'"policy":"another"')
    await cut_decisions(deciding, chain, log, sequence - 1)
    await deciding.produce("allocation", GIRLS, [other])

    with pytest.raises(Fork) as caught:
        await deciding.recover()

    assert caught.value.sequence == sequence
    told = str(caught.value)
    assert f"partition {GIRLS} of allocation" in told
    assert leaf_hash(other).hex() in told
    assert log[sequence - 1][7].hex() in told
    assert await deciding.log() == kept


async def test_a_log_that_grew_another_way_is_told_by_its_first_difference(
    deciding: Deciding, backups: Backups
) -> None:
    chain = chain_of(seed=8, students=20)
    await decided(deciding, chain, 1, len(chain.values))
    log = await deciding.log()
    values = [row[6] for row in log]
    await as_owner(
        deciding.database,
        f"update log set hash = sha256('x') where sequence = {len(log) - 1} and partition = {GIRLS}",
        f"update log_head set hash = sha256('y') where partition = {GIRLS}",
    )
    with pytest.raises(Fork) as caught:
        await deciding.recover()
    assert caught.value.sequence == len(log) - 1
    assert leaf_hash(values[-2]).hex() in str(caught.value)


async def test_decisions_beyond_the_facts_are_told_and_not_invented(deciding: Deciding) -> None:
    chain = chain_of(seed=9, students=10)
    await decided(deciding, chain, 1, len(chain.values))
    log = await deciding.log()
    empty = "truncate log, mentors, mentor_loads, counters, enrolments"
    zero = "sequence = 0, hash = decode(repeat('00', 32), 'hex')"
    await as_owner(
        deciding.database, empty, f"update log_head set {zero}, time = ''", f"update inbox set {zero}"
    )
    await deciding.make_topics_anew()
    await deciding.produce("intake", GIRLS, chain.values[:2])
    await deciding.produce("allocation", GIRLS, [row[6] for row in log])
    with pytest.raises(CannotRecover, match="recover intake first"):
        await deciding.recover()


async def test_a_lost_read_model_is_told_again_and_is_what_it_was(deciding: Deciding) -> None:
    chain = chain_of(seed=10, students=200)
    await decided(deciding, chain, 1, len(chain.values))
    tables, log = await deciding.tables(), await deciding.log()
    await as_owner(
        deciding.database,
        "delete from enrolments where mentor_id is not null",
        "update mentor_loads set load = 0",
        "truncate counters, mentors",
    )
    lines = await deciding.rebuild()

    assert await deciding.tables() == tables
    assert await deciding.log() == log
    assert any(line.startswith("counters:") and line.endswith(", 0 before") for line in lines)
    assert sorted(line for line in await deciding.rebuild() if line.endswith("as before")) == sorted(
        f"{table}: {len(tables[table])} rows, as before" for table in TABLES
    )


async def test_a_rebuild_that_lacks_a_fact_changes_nothing(deciding: Deciding) -> None:
    chain = chain_of(seed=11, students=20)
    await decided(deciding, chain, 1, len(chain.values))
    await cut_decisions(deciding, chain, await deciding.log(), 3)
    await as_owner(deciding.database, f"update inbox set sequence = sequence + 1 where partition = {GIRLS}")
    tables = await deciding.tables()
    with pytest.raises(CannotRecover, match=r"ends at \d+, but \d+ was applied"):
        await deciding.rebuild()
    assert await deciding.tables() == tables


async def test_no_command_runs_beside_the_service_or_another_command_or_as_the_service(
    deciding: Deciding,
) -> None:
    async with deciding.running():
        for command in (deciding.recover, deciding.rebuild):
            with pytest.raises(InUse, match=r"allocation runs on this database .*; stop it first"):
                await command()
    async with exclusive(deciding.database.owner_dsn, "allocation", "test"):
        with pytest.raises(InUse, match="another recover or rebuild"):
            await deciding.rebuild()
        with pytest.raises(InUse, match="can start after its end"):
            async with deciding.running():
                pass
    with pytest.raises(NotTheOwner):
        async with exclusive(deciding.database.dsn, "allocation", "test"):
            pass
