"""A database of the release before the column learns from its own log which mentor each year's rotation is at."""

from typing import Any

import asyncpg

from shared.contracts.facts import Fact
from shared.postgres import open_pool
from tests.chains import Chain, mentor, partition_of, student
from tests.integration.allocation.running import Allocation, migrated
from tests.servers import MakesDatabases

BEFORE = """
    alter table counters drop column last_mentor_id;
    delete from counters where last = 0;
    delete from migrations where name in (
        'services.allocation/0002_last_chosen_mentor.sql', 'services.allocation/0003_last_chosen_from_log.sql'
    );
"""


async def test_the_last_chosen_mentors_are_found_in_the_log(make_databases: MakesDatabases) -> None:
    database = (await make_databases()).allocation
    await migrated(database)
    pool = await open_pool(database.dsn, application="test", size=2)
    allocation = Allocation(pool)
    for gender in (0, 1):
        chain = Chain("intake", partition_of("default", gender))
        facts: list[Fact] = [
            *(mentor(number + 10 * gender, gender=gender, capacity=2) for number in (1, 2, 3)),
            *(student(number + 10 * gender, gender=gender) for number in (1, 2, 3, 4)),
            student(1 + 10 * gender, gender=gender, version=2, year=1405),  # it has its counter since 1404
            student(2 + 10 * gender, gender=gender, version=2, year=1405),
        ]
        for fact in facts:
            chain.add_fact(fact)
        await allocation.apply(chain, await allocation.state(chain.partition), len(chain.values))
    await pool.close()
    before = await counters(database.owner_dsn)
    assert {row["last"] for row in before} == {0, 4}
    assert len({row["last_mentor_id"] for row in before}) == len(before)

    connection = await asyncpg.connect(database.owner_dsn)
    await connection.execute(BEFORE)
    await connection.close()
    await migrated(database)

    assert await counters(database.owner_dsn) == before


async def counters(dsn: str) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [dict(row) for row in await connection.fetch("select * from counters order by 1, 2, 3")]
    finally:
        await connection.close()
