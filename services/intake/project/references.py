"""`mentors`, `managers` and `school_rosters`: one row per mentor, manager and year."""

from collections.abc import Sequence
from typing import Any, Final

from services.intake.project.placed import Placed
from shared.contracts.facts import ManagerRegistered, MentorRegistered, SchoolRosterPublished
from shared.postgres import Connection, named_queries

QUERIES: Final = named_queries("services.intake.project")
COLUMNS: Final = (
    "tenant", "mentor_id", "gender", "type", "capacity", "active", "alias_code", "manager_id",
    "manager_centers", "groups", "centers", "schools", "fingerprint", "version", "partition", "sequence",
)  # fmt: skip


def _row(placed: Placed[MentorRegistered]) -> tuple[Any, ...]:
    fact = placed.fact
    return (
        placed.tenant, fact.mentor_id, fact.gender, fact.type, fact.capacity, fact.active, fact.alias_code,
        fact.manager_id, fact.manager_centers, fact.groups, fact.centers, fact.schools, placed.fingerprint,
        fact.version, placed.partition, placed.sequence,
    )  # fmt: skip


async def project_mentors(connection: Connection, placed: Sequence[Placed[MentorRegistered]]) -> None:
    """Adds the rows of those that are there for the first time; adds or replaces the others'."""
    fresh = [_row(item) for item in placed if item.is_first]
    changed = [_row(item) for item in placed if not item.is_first]
    if fresh:
        await connection.copy_records_to_table("mentors", records=fresh, columns=COLUMNS)
    if changed:
        await connection.executemany(QUERIES["put_mentor"], changed)


async def project_managers(connection: Connection, placed: Sequence[Placed[ManagerRegistered]]) -> None:
    """Adds or replaces the managers' rows. Writers hold the tenant's reference lock, so nobody else does."""
    if placed:
        await connection.executemany(
            QUERIES["put_manager"],
            [
                (
                    item.tenant, item.fact.manager_id, item.fact.is_active, item.fact.centers,
                    item.fingerprint, item.fact.version, item.partition, item.sequence,
                )
                for item in placed
            ],
        )  # fmt: skip


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
