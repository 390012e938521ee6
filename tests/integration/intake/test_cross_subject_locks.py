"""Batches that want the same locks in opposite orders, from two instances: they wait, never in a circle.

Each meeting is arranged: a lock in the middle of both batches is held until both wait. Whoever took the locks in the
order of the request would by then hold one half each, and dead-lock as soon as the middle is free.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from infra.local.databases import Databases, ServiceDatabase
from services.intake.append.load import REFERENCE_LOCKS
from services.intake.crypto.sealing import Keyring
from shared.contracts.partitions import pool_partition
from tests.integration.intake.folded import require_projections
from tests.integration.intake.harness import Event, prepare
from tests.integration.intake.histories import Maker
from tests.integration.intake.instances import PARTITIONS, deadlocks, instance, new_master

CROWD = 20
MIDDLE = CROWD // 2

Batch = list[Event]
Hold = Callable[[asyncpg.Connection, Maker, Keyring], Awaitable[object]]
Meeting = tuple[Batch, Batch]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(module_databases: Databases) -> ServiceDatabase:
    """A migrated database of intake; each test has tenants of its own in it."""
    await prepare(module_databases.intake)
    return module_databases.intake


def new_mentors(make: Maker) -> Meeting:
    """Of two pools: nobody has a row to lock yet, and neither batch needs the other's head."""
    return (
        [make.mentor(1 + each, gender=0) for each in range(CROWD)],
        [make.mentor(1 + each, gender=1) for each in reversed(range(CROWD))],
    )


async def hold_new_mentor(connection: asyncpg.Connection, make: Maker, keyring: Keyring) -> None:
    await connection.execute(
        "insert into log (partition, sequence, type, tenant, subject, version, value, hash, causation_id)"
        " values (0, 1000000000, '', $1, $2, 1, '', '', '')",
        make.tenants[0],
        f"mentor/{1 + MIDDLE}",
    )


def new_students(make: Maker) -> Meeting:
    """The same people, by one sender as girls and by the other as boys."""
    return (
        [make.student(each, gender=0, year=1404) for each in range(CROWD)],
        [make.student(each, gender=1, year=1404) for each in reversed(range(CROWD))],
    )


async def hold_new_student(connection: asyncpg.Connection, make: Maker, keyring: Keyring) -> None:
    tenant = make.tenants[0]
    lookup = keyring.tenant(tenant).lookup(make.student(MIDDLE)["data"]["national_id"])
    await connection.execute("insert into students values ($1, $2, $3, 0, 1)", lookup, tenant, uuid4())


def references(make: Maker) -> Meeting:
    """Managers of many tenants, and mentors of theirs."""
    first, second = list[Event](), list[Event]()
    for tenant in make.tenants:
        first += [make.manager(7, tenant), make.mentor(1, tenant, manager_id=7)]
        second = [make.manager(7, tenant), make.mentor(2, tenant, manager_id=7), *second]
    return first, second


async def hold_reference(connection: asyncpg.Connection, make: Maker, keyring: Keyring) -> None:
    middle = make.tenants[len(make.tenants) // 2]
    number = zlib.crc32(middle.encode()) - 2**31
    await connection.execute("select pg_advisory_xact_lock($1, $2)", REFERENCE_LOCKS, number)


def a_roster_and_students_of_others(make: Maker) -> Meeting:
    """What follows a roster is written when heads are held; others hold students and then want the heads."""
    everyone = [(number, tenant) for number in range(CROWD) for tenant in make.tenants[1:]]
    first = [make.student(number, tenant) for number, tenant in everyone]
    second = [make.student(number, tenant) for number, tenant in reversed(everyone)]
    return [make.roster(make.tenants[0]), *first], second


async def hold_head(connection: asyncpg.Connection, make: Maker, keyring: Keyring) -> None:
    heads = sorted(
        pool_partition(tenant, gender, PARTITIONS) for tenant in make.tenants[1:] for gender in (0, 1)
    )
    await connection.execute("select from log_head where partition = $1 for update", heads[0])


MEETINGS: tuple[tuple[Callable[[Maker], Meeting], Hold], ...] = (
    (new_mentors, hold_new_mentor),
    (new_students, hold_new_student),
    (references, hold_reference),
    (a_roster_and_students_of_others, hold_head),
)


async def until_waiting(connection: asyncpg.Connection, count: int) -> None:
    """Until so many transactions wait for a lock. `connection` is in none: there the views would stand still."""
    async with asyncio.timeout(20):
        while count > await connection.fetchval(  # noqa: ASYNC110 - the server tells nobody
            "select count(*) from pg_locks join pg_stat_activity using (pid)"
            " where not granted and datname = current_database()"
        ):
            await asyncio.sleep(0.01)


@asynccontextmanager
async def waiting_for_heads(database: ServiceDatabase) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Nobody gets a head of the log until the end; what is given waits until so many transactions wait."""
    owner = await asyncpg.connect(database.owner_dsn)
    watcher = await asyncpg.connect(database.owner_dsn)
    try:
        held = owner.transaction()
        await held.start()
        await owner.execute("select from log_head for update")
        yield partial(until_waiting, watcher)
        await held.rollback()
    finally:
        await owner.close()
        await watcher.close()


@pytest.mark.parametrize(("meeting", "hold"), MEETINGS, ids=[made.__name__ for made, _ in MEETINGS])
async def test_opposite_orders_wait_and_never_dead_lock(
    database: ServiceDatabase, meeting: Callable[[Maker], Meeting], hold: Hold
) -> None:
    name = meeting.__name__.replace("_", "")
    make = Maker(Random(name), tuple(f"{name}{number}" for number in range(9)))
    master = new_master()
    first, second = meeting(make)
    async with (
        instance(database, master, make.tenants) as one,
        instance(database, master, make.tenants) as two,
    ):
        owner = await asyncpg.connect(database.owner_dsn)
        watcher = await asyncpg.connect(database.owner_dsn)
        try:
            held = owner.transaction()
            await held.start()
            await hold(owner, make, Keyring(master))
            sending = [asyncio.create_task(one.send(first))]
            await until_waiting(watcher, 1)
            sending.append(asyncio.create_task(two.send(second)))
            await until_waiting(watcher, 2)
            await held.rollback()
            await asyncio.gather(*sending)
        finally:
            await owner.close()
            await watcher.close()
        lost = one.lost + two.lost
    assert set(lost) <= {"UniqueViolationError"}, lost
    assert await deadlocks(database) == 0
    await require_projections(database)


def who_names_the_same_student(make: Maker) -> Meeting:
    """The second batch waits for the row of the student whom both name."""
    first = [make.student(0, gender=0, year=1404), make.student(1, gender=0, year=1404)]
    return first, [make.student(0, gender=0, year=1403), make.withdrawal(1, year=1404)]


def who_writes_to_the_same_pool(make: Maker) -> Meeting:
    """The second batch waits for the head of the log alone."""
    first = [make.student(1, gender=0, year=1404)]
    return first, [make.student(2, gender=0, year=1403), make.withdrawal(1, year=1404)]


@pytest.mark.parametrize("meeting", [who_names_the_same_student, who_writes_to_the_same_pool])
async def test_a_withdrawal_that_waited_finds_the_student_who_came_meanwhile(
    database: ServiceDatabase, meeting: Callable[[Maker], Meeting]
) -> None:
    make, master = Maker(Random(2), (meeting.__name__.replace("_", ""),)), new_master()
    first, second = meeting(make)
    async with (
        instance(database, master, make.tenants) as one,
        instance(database, master, make.tenants) as two,
    ):
        await one.send([make.student(0, gender=0, year=1403)])
        async with waiting_for_heads(database) as until:
            sending = [asyncio.create_task(one.send(first))]
            await until(1)
            sending.append(asyncio.create_task(two.send(second)))
            await until(2)
        answers = await asyncio.gather(*sending)
        lost = one.lost + two.lost
    assert {result.status for answer in answers for result in answer} == {"accepted"}
    assert lost == {"Conflict": 1}
    await require_projections(database)


async def test_a_student_who_is_withdrawn_before_the_same_batch_registers_it_is_refused_once(
    database: ServiceDatabase,
) -> None:
    make = Maker(Random(3), ("sameone",))
    async with instance(database, new_master(), make.tenants) as one:
        refused = make.withdrawal(1, year=1404)
        answers = await one.send([refused, make.student(1, gender=0, year=1404)])
        answers += await one.send([refused])
        assert [result.status for result in answers] == ["rejected", "accepted", "duplicate"]
        assert not one.lost


async def test_a_crowd_that_changes_everybody_again_and_again_never_dead_locks(
    database: ServiceDatabase,
) -> None:
    make, master = Maker(Random(1), ("crowd0", "crowd1")), new_master()

    def everybody() -> Batch:
        return [make.student(each, make.tenants[each % 2]) for each in range(40)] + [
            make.mentor(1 + each, make.tenants[each % 2], gender=each // 2 % 2) for each in range(40)
        ]

    async with (
        instance(database, master, make.tenants) as one,
        instance(database, master, make.tenants) as two,
    ):
        await asyncio.gather(
            *(one.send(everybody()) for _ in range(5)), *(two.send(everybody()[::-1]) for _ in range(5))
        )
        lost = one.lost + two.lost
    assert set(lost) <= {"UniqueViolationError"}, lost
    assert await deadlocks(database) == 0
    await require_projections(database)
