"""`mentors`: one row per mentor."""

from collections.abc import Sequence
from typing import Any, Final

from services.intake.project.placed import Placed
from shared.contracts.facts import MentorRegistered
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


async def project_mentors(
    connection: Connection,
    fresh: Sequence[Placed[MentorRegistered]],
    changed: Sequence[Placed[MentorRegistered]],
) -> None:
    """Adds rows for `fresh` and replaces those of `changed`."""
    if fresh:
        await connection.copy_records_to_table(
            "mentors", records=[_row(placed) for placed in fresh], columns=COLUMNS
        )
    if changed:
        await connection.executemany(QUERIES["change_mentor"], [_row(placed) for placed in changed])
