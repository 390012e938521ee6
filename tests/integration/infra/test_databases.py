"""No service can read another's database, and no service can change its own schema."""

import asyncpg
import pytest

from infra.local.databases import SERVICES, Databases, ensure_databases
from tests.servers import PostgresCluster

OTHERS = [(own, other) for own in SERVICES for other in SERVICES if own != other]


@pytest.mark.parametrize(("own", "other"), OTHERS)
async def test_a_services_role_cannot_connect_to_another_services_database(
    module_databases: Databases, own: str, other: str
) -> None:
    as_own = module_databases.of(own)
    for dsn in (as_own.dsn, as_own.owner_dsn):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
            await asyncpg.connect(dsn.replace(as_own.name, module_databases.of(other).name))


async def test_a_wrong_password_is_refused(module_databases: Databases) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(module_databases.intake.dsn, password="guessed")


@pytest.mark.parametrize("service", SERVICES)
async def test_a_services_role_creates_no_tables_and_reads_only_what_was_granted(
    module_databases: Databases, service: str
) -> None:
    owner = await asyncpg.connect(module_databases.of(service).owner_dsn)
    own = await asyncpg.connect(module_databases.of(service).dsn)
    try:
        await owner.execute("CREATE TABLE secret (value int); CREATE TABLE open (value int)")
        await owner.execute(f"GRANT SELECT ON open TO rahnama_{service}")
        assert await own.fetch("SELECT value FROM open") == []
        for forbidden in (
            "CREATE TABLE mine (value int)",
            "CREATE TEMP TABLE mine (value int)",
            "TABLE secret",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await own.execute(forbidden)
    finally:
        await owner.close()
        await own.close()


async def test_making_a_set_again_keeps_its_data(postgres: PostgresCluster, databases: Databases) -> None:
    connection = await asyncpg.connect(databases.audit.owner_dsn)
    try:
        await connection.execute("CREATE TABLE kept (value int); INSERT INTO kept VALUES (7)")
        suffix = databases.audit.name.removeprefix("rahnama_audit")
        assert await ensure_databases(postgres.admin_dsn, suffix) == databases
        assert await connection.fetchval("SELECT value FROM kept") == 7
    finally:
        await connection.close()
