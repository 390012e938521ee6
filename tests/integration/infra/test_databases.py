"""No service can read another's database, and no service can change its own schema."""

import asyncpg
import pytest

from infra.local.databases import Databases, ensure_databases
from infra.services import NAMES
from tests.servers import PostgresCluster

OTHERS = [(own, other) for own in NAMES for other in NAMES if own != other]


@pytest.mark.parametrize(("own", "other"), OTHERS)
async def test_a_services_role_cannot_connect_to_another_services_database(
    module_databases: Databases, own: str, other: str
) -> None:
    as_own = module_databases.of(own)
    for dsn in (as_own.dsn, as_own.owner_dsn):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
            await asyncpg.connect(dsn.replace(as_own.name, module_databases.of(other).name))


@pytest.mark.parametrize("owner", [False, True], ids=["service", "owner"])
@pytest.mark.parametrize("own", NAMES)
async def test_a_role_may_connect_to_its_own_database_and_to_no_other_of_the_server(
    postgres: PostgresCluster, module_databases: Databases, own: str, owner: bool
) -> None:
    role = f"rahnama_{own}_owner" if owner else f"rahnama_{own}"
    admin = await asyncpg.connect(postgres.admin_dsn)
    try:
        others = [
            row["datname"]
            for row in await admin.fetch("SELECT datname FROM pg_database WHERE datallowconn")
            if not row["datname"].startswith("rahnama_")
        ]
    finally:
        await admin.close()
    assert {"postgres", "template1"} <= set(others)
    mine = module_databases.of(own)
    dsn = mine.owner_dsn if owner else mine.dsn
    names = [*others, *(module_databases.of(service).name for service in NAMES)]
    assert [name for name in names if await connects(dsn, name)] == [mine.name], role


async def connects(dsn: str, database: str) -> bool:
    """Whether the role of `dsn` may connect to `database`."""
    try:
        connection = await asyncpg.connect(dsn, database=database)
    except asyncpg.InsufficientPrivilegeError:
        return False
    await connection.close()
    return True


async def test_a_wrong_password_is_refused(module_databases: Databases) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(module_databases.intake.dsn, password="guessed")


@pytest.mark.parametrize("service", NAMES)
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
