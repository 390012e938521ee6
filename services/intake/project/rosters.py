"""`school_rosters`: one row per year."""

from collections.abc import Sequence
from typing import Final

from services.intake.project.placed import Placed
from shared.contracts.facts import SchoolRosterPublished
from shared.postgres import Connection, named_queries

QUERIES: Final = named_queries("services.intake.project")


async def project_rosters(connection: Connection, placed: Sequence[Placed[SchoolRosterPublished]]) -> None:
    """Adds or replaces the years' rosters. Writers hold the tenant's reference lock, so nobody else does."""
    if placed:
        await connection.executemany(
            QUERIES["put_roster"],
            [
                (
                    item.tenant, item.fact.year, item.fact.school_codes, item.fact.version,
                    item.partition, item.sequence,
                )
                for item in placed
            ],
        )  # fmt: skip
