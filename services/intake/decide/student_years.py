"""`student_years`: one row per student and year, made of the facts of both student types."""

from collections.abc import Sequence
from typing import Final

from services.intake.decide.rows import LoadedRow, Placed, Row, Table
from services.intake.decide.state import StudentYear
from shared.contracts.facts import StudentRegistered, StudentWithdrawnFact

STUDENT_YEARS: Final = Table(
    "student_years",
    (
        "tenant", "year", "student_id", "gender", "edu_status", "reg_center", "reg_status", "group_code",
        "school_code", "student_type", "fingerprint", "version", "partition", "sequence", "is_withdrawn",
        "arrival_female", "arrival_male",
    ),
)  # fmt: skip
FEMALE: Final = 0

StudentFact = StudentRegistered | StudentWithdrawnFact


def year_row(group: Sequence[Placed[StudentFact]]) -> Row | None:
    """The state of the last registration at the place of the last fact; None if nothing was registered."""
    last = group[-1]
    for placed in reversed(group):
        fact = placed.fact
        if isinstance(fact, StudentRegistered):
            return (
                placed.tenant, fact.year, fact.student_id, fact.gender, fact.edu_status, fact.reg_center,
                fact.reg_status, fact.group_code, fact.school_code, fact.student_type, placed.fingerprint,
                last.fact.version, last.partition, last.sequence, last is not placed, *_arrivals(group),
            )  # fmt: skip
    return None


def _arrivals(group: Sequence[Placed[StudentFact]]) -> tuple[int | None, int | None]:
    """The sequence of the first registration in each pool, as far as the group shows."""
    if len(group) == 1:
        placed = group[0]
        return (placed.sequence, None) if placed.fact.gender == FEMALE else (None, placed.sequence)
    first: dict[int, int] = {}
    for placed in group:
        if isinstance(placed.fact, StudentRegistered):
            first.setdefault(placed.fact.gender, placed.sequence)
    return first.get(FEMALE), first.get(1 - FEMALE)


def withdrawal_row(group: Sequence[Placed[StudentFact]]) -> Row:
    """The end of a year of which the group has no registration: the columns that it changes."""
    last = group[-1]
    fact = last.fact
    return last.tenant, fact.year, fact.student_id, fact.version, last.partition, last.sequence


def load_year(row: LoadedRow, *, is_withdrawn: bool = False) -> StudentYear:
    """What a row holds."""
    return StudentYear(
        edu_status=row["edu_status"],
        reg_center=row["reg_center"],
        reg_status=row["reg_status"],
        group_code=row["group_code"],
        school_code=row["school_code"],
        student_type=row["student_type"],
        fingerprint=row["fingerprint"],
        is_withdrawn=is_withdrawn,
    )
