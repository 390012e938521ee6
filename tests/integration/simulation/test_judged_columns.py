"""Every column that the migrations make is compared by the invariants, or excluded with a reason."""

from typing import TYPE_CHECKING

import pytest

from tests.integration.simulation.both import prepare
from tests.invariants.columns import KEYS, LOG_KEYS, NOT_READ_MODELS, columns_of_log, columns_of_table
from tests.invariants.reading import read_rows
from tests.simulation.schema import PACKAGES

if TYPE_CHECKING:
    from infra.local.databases import Databases

COLUMNS = """
select table_name, column_name from information_schema.columns
where table_schema not in ('pg_catalog', 'information_schema')
"""


@pytest.mark.parametrize("service", PACKAGES)
async def test_every_column_of_the_real_schema_is_judged_or_excluded(
    databases: "Databases", service: str
) -> None:
    database = databases.of(service)
    await prepare(database, service)
    found: dict[str, set[str]] = {}
    for row in await read_rows(database.owner_dsn, COLUMNS):
        found.setdefault(row["table_name"], set()).add(row["column_name"])
    unlisted = found.keys() ^ {*KEYS[service], *NOT_READ_MODELS[service]}
    assert not unlisted, f"list {unlisted} in tests/invariants/columns.py"
    for table in KEYS[service]:
        unlisted = found[table] ^ columns_of_table(service, table)
        assert not unlisted, f"{service}'s {table}: list {unlisted} in tests/invariants/columns.py"
    for table in LOG_KEYS if service != "audit" else ():
        unlisted = found[table] ^ columns_of_log(table)
        assert not unlisted, f"{service}'s {table}: list {unlisted} in tests/invariants/columns.py"
