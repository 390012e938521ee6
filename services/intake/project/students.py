"""`student_years`: one row per student and year."""

from collections.abc import Sequence
from typing import Any, Final

from services.intake.project.placed import Placed
from shared.contracts.facts import StudentRegistered
from shared.postgres import Connection, named_queries
from shared.project.columns import columns

QUERIES: Final = named_queries("services.intake.project")
COLUMNS: Final = (
    "tenant", "year", "student_id", "gender", "edu_status", "reg_center", "reg_status", "group_code",
    "school_code", "student_type", "fingerprint", "version", "partition", "sequence",
)  # fmt: skip


def _row(placed: Placed[StudentRegistered]) -> tuple[Any, ...]:
    fact = placed.fact
    return (
        placed.tenant, fact.year, fact.student_id, fact.gender, fact.edu_status, fact.reg_center,
        fact.reg_status, fact.group_code, fact.school_code, fact.student_type, placed.fingerprint,
        fact.version, placed.partition, placed.sequence,
    )  # fmt: skip


async def project_students(
    connection: Connection,
    fresh: Sequence[Placed[StudentRegistered]],
    changed: Sequence[Placed[StudentRegistered]],
) -> None:
    """Adds rows for `fresh` (student and year not there before) and replaces those of `changed`."""
    if fresh:
        await connection.copy_records_to_table(
            "student_years", records=[_row(placed) for placed in fresh], columns=COLUMNS
        )
    if changed:
        rows = [_row(placed) for placed in changed]
        await connection.execute(QUERIES["change_student_years"], *columns(rows))
