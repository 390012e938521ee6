"""A database of the release before gets what changes across subjects need, from its own log."""

import asyncpg
import pytest_asyncio

from infra.local.databases import Databases, ServiceDatabase
from tests.integration.intake.folded import require_projections
from tests.integration.intake.harness import prepare, student
from tests.integration.intake.instances import instance, new_master

BEFORE = """
    alter table student_years drop column is_withdrawn, drop column arrival_female, drop column arrival_male;
    alter table idempotency drop column reissued;
    delete from migrations where name = 'services.intake/0004_cross_subjects.sql';
"""


@pytest_asyncio.fixture(loop_scope="session")
async def database(databases: Databases) -> ServiceDatabase:
    """A migrated database of intake."""
    await prepare(databases.intake)
    return databases.intake


async def test_arrivals_are_found_in_the_log(database: ServiceDatabase) -> None:
    async with instance(database, new_master(), ["demo"]) as writer:
        results = await writer.send([student(number) for number in range(20)])
        results += await writer.send(
            [student(number, f"again-{number}", group_code=1) for number in range(9)]
        )
        results += await writer.send(
            [student(number, f"next-{number}", year=1405) for number in range(19, 0, -1)]
        )
        assert {result.status for result in results} == {"accepted"}
    connection = await asyncpg.connect(database.owner_dsn)
    await connection.execute(BEFORE)
    await connection.close()
    await prepare(database)
    await require_projections(database)
