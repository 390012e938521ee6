"""The log: dense, chained, and the same for every reader, however many write at once."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio

from infra.local.databases import Databases, ServiceDatabase
from shared.append.log import Appended, Draft, Log, require_partitions
from shared.contracts.envelope import NO_HASH, decode, leaf_hash, rfc3339
from shared.errors import GateClosed
from shared.postgres import Pool, migrate, open_pool
from tests.deadlines import expected_within

PARTITIONS = 4
NOW = datetime(2026, 3, 21, 12, 0, 0, 123456, tzinfo=UTC)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(module_databases: Databases) -> ServiceDatabase:
    """A log of four partitions that refuses a second event for the same version of a subject, as intake's."""
    database = module_databases.intake
    settings = {"partitions": str(PARTITIONS)}
    await migrate(database.owner_dsn, ["shared.append"], role="rahnama_intake", settings=settings)
    owner = await asyncpg.connect(database.owner_dsn)
    await owner.execute("create unique index on log (tenant, subject, version)")
    await owner.close()
    return database


@pytest_asyncio.fixture(loop_scope="session")
async def pool(database: ServiceDatabase) -> AsyncIterator[Pool]:
    """The service's own connections."""
    owner = await asyncpg.connect(database.owner_dsn)
    await owner.execute(
        "truncate log; update log_head set sequence = 0, hash = decode(repeat('00', 32), 'hex'), time = ''"
    )
    await owner.close()
    async with await open_pool(database.dsn, application="test", size=8) as pool:
        yield pool


@pytest.fixture
def log() -> Log:
    """A log with an open gate."""
    log = Log("intake")
    log.gate.open()
    return log


def draft(
    partition: int, subject: str = "student/1", version: int | None = None, time: str | None = None
) -> Draft:
    """A small event."""
    return Draft(partition, "rahnama.test.v1", "default", subject, version, "c" * 32, b'{"a":1}', None, time)


async def commit(pool: Pool, log: Log, drafts: list[Draft], now: datetime = NOW) -> list[Appended]:
    """One transaction."""
    async with pool.acquire() as connection, connection.transaction():
        return await log.append(connection, drafts, now=now)


async def test_concurrent_writers_leave_dense_chained_partitions(pool: Pool, log: Log) -> None:
    shuffled = random.Random(7)

    async def write(writer: int) -> None:
        for turn in range(15):
            drafts = [
                draft(shuffled.randrange(PARTITIONS), f"thing/{writer}-{turn}-{number}")
                for number in range(shuffled.randrange(1, 20))
            ]
            try:
                async with pool.acquire() as connection, connection.transaction():
                    await log.append(connection, drafts, now=datetime.now(UTC))
                    if turn % 5 == 4:
                        raise InterruptedError("rolled back")
            except InterruptedError:
                pass

    outcomes = await asyncio.gather(*(write(writer) for writer in range(6)), return_exceptions=True)
    assert outcomes == [None] * 6
    heads = await pool.fetch("select partition, sequence, hash, time from log_head order by partition")
    for head in heads:
        async with pool.acquire() as connection:
            events = await log.read(connection, head["partition"], 0, 10_000)
        assert [event.sequence for event in events] == list(range(1, head["sequence"] + 1))
        previous, time = NO_HASH, ""
        for event in events:
            envelope = decode(event.value)
            assert envelope.previous == previous.hex()
            assert envelope.id == f"intake-{head['partition']:02d}-{event.sequence:016d}"
            assert envelope.time >= time
            assert event.hash == leaf_hash(event.value)
            previous, time = event.hash, envelope.time
        assert (head["hash"], head["time"]) == (previous, time)
    assert sum(head["sequence"] for head in heads) > 100


async def test_a_rollback_leaves_no_gap(pool: Pool, log: Log) -> None:
    await commit(pool, log, [draft(0)])
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        assert [event.sequence for event in await log.append(connection, [draft(0)] * 2, now=NOW)] == [2, 3]
        await transaction.rollback()
    [event] = await commit(pool, log, [draft(0)])
    assert event.sequence == 2


async def test_the_log_gives_back_the_bytes_that_were_appended(pool: Pool, log: Log) -> None:
    appended = await commit(pool, log, [draft(1, f"student/{n}", n) for n in range(5)])
    async with pool.acquire() as connection:
        assert await log.read(connection, 1, 0, 100) == appended
        assert await log.read(connection, 1, 2, 2) == appended[2:4]
        assert (await log.heads(connection))[1].hash == appended[-1].hash


async def test_events_stand_in_the_order_in_which_they_were_given(pool: Pool, log: Log) -> None:
    appended = await commit(pool, log, [draft(3, "a"), draft(0, "b"), draft(3, "c"), draft(0, "d")])
    assert [(event.partition, event.sequence, event.subject) for event in appended] == [
        (3, 1, "a"), (0, 1, "b"), (3, 2, "c"), (0, 2, "d"),
    ]  # fmt: skip


async def test_two_writers_never_both_build_on_the_same_version(pool: Pool, log: Log) -> None:
    await commit(pool, log, [draft(0, "student/9", 1)])
    outcomes = await asyncio.gather(
        *(commit(pool, log, [draft(partition, "student/9", 2)]) for partition in (0, 1)),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [type(error) for error in refused] == [asyncpg.UniqueViolationError]
    assert await pool.fetchval("select count(*) from log where version = 2") == 1
    heads = await pool.fetchval("select sum(sequence)::int from log_head")
    assert heads == 2


async def test_writers_that_name_partitions_in_opposite_order_do_not_dead_lock(pool: Pool, log: Log) -> None:
    async def write(order: list[int]) -> None:
        for _ in range(20):
            await commit(pool, log, [draft(partition) for partition in order])

    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(
            write([0, 1, 2, 3]), write([3, 2, 1, 0]), write([2, 0, 3, 1]), return_exceptions=True
        )
    assert list(outcomes) == [None, None, None]
    assert await pool.fetchval("select min(sequence) from log_head") == 60


async def test_acceptance_never_runs_backwards_and_a_decision_keeps_its_facts_time(
    pool: Pool, log: Log
) -> None:
    await commit(pool, log, [draft(0)], now=NOW)
    [late] = await commit(pool, log, [draft(0)], now=NOW - timedelta(hours=1))
    assert decode(late.value).time == rfc3339(NOW) == "2026-03-21T12:00:00.123456Z"
    own = "2025-01-01T00:00:00.000000Z"
    [decision] = await commit(pool, log, [draft(0, time=own)], now=NOW)
    assert decode(decision.value).time == own


async def test_a_closed_gate_lets_nothing_be_appended(pool: Pool) -> None:
    closed = Log("intake")
    with pytest.raises(GateClosed, match="the log of intake is closed: the log was not compared"):
        await commit(pool, closed, [draft(0)])
    assert await commit(pool, closed, []) == []


@pytest.mark.parametrize("statement", ["update log set tenant = 'x'", "delete from log", "truncate log"])
async def test_the_services_own_role_can_only_add(pool: Pool, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute(statement)


async def test_another_number_of_partitions_refuses_to_start(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await require_partitions(connection, PARTITIONS)
        with pytest.raises(ValueError, match="created with 4 partitions, but RAHNAMA_PARTITIONS is 12"):
            await require_partitions(connection, 12)


async def test_a_commit_notifies_the_relays(pool: Pool, log: Log, database: ServiceDatabase) -> None:
    heard = asyncio.Event()
    listener = await asyncpg.connect(database.dsn)
    try:
        await listener.add_listener("log", lambda *_: heard.set())
        await commit(pool, log, [draft(0)])
        async with expected_within(5, "the notification"):
            await heard.wait()
        assert heard.is_set()
    finally:
        await listener.close()
