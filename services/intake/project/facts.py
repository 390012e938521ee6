"""Facts of the log → the read models, by what the log holds alone, as a rebuild does; and `student_years`.

`student_years` has one row per student and year.
"""

from collections.abc import Sequence
from typing import Any, Final, assert_never

from services.intake.project.erased import project_erased
from services.intake.project.placed import Placed
from services.intake.project.references import project_managers, project_mentors, project_rosters
from shared.contracts.facts import (
    Fact,
    ManagerRegistered,
    MentorRegistered,
    SchoolRosterPublished,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
)
from shared.postgres import Connection, named_queries
from shared.project.columns import columns

QUERIES: Final = named_queries("services.intake.project")
COLUMNS: Final = (
    "tenant", "year", "student_id", "gender", "edu_status", "reg_center", "reg_status", "group_code",
    "school_code", "student_type", "fingerprint", "version", "partition", "sequence", "is_withdrawn",
    "arrival_female", "arrival_male",
)  # fmt: skip
FEMALE: Final = 0

StudentFact = StudentRegistered | StudentWithdrawnFact
Row = tuple[Any, ...]


async def project_students(connection: Connection, groups: Sequence[Sequence[Placed[StudentFact]]]) -> None:
    """Each group holds the facts of one student and year, in the order of their versions, at least one.

    A row of a group whose first item `is_first` is added; others are added or replaced by what is newer.
    """
    fresh, changed, left = list[Row](), list[Row](), list[Row]()
    for group in groups:
        row = _row(group)
        (left if row is None else fresh if group[0].is_first else changed).append(row or _withdrawal(group))
    if fresh:
        await connection.copy_records_to_table("student_years", records=fresh, columns=COLUMNS)
    if changed:
        by_column = columns(changed)
        await connection.execute(QUERIES["put_student_years"], *by_column)
        arrivals = (*by_column[:3], *by_column[-2:])
        await connection.execute(QUERIES["keep_arrivals"], *arrivals)
    if left:
        await connection.execute(QUERIES["withdraw_student_years"], *columns(left))


def _row(group: Sequence[Placed[StudentFact]]) -> Row | None:
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


def _withdrawal(group: Sequence[Placed[StudentFact]]) -> Row:
    last = group[-1]
    fact = last.fact
    return last.tenant, fact.year, fact.student_id, fact.version, last.partition, last.sequence


async def project(connection: Connection, placed: Sequence[Placed[Fact]]) -> None:
    """Brings the read models to where `placed` leads; each partition's facts in the order of the log.

    An older version of a subject than a row has changes nothing, so partitions may come in any order, and what
    was projected before may come again; but then `project_every_erased` ends it.
    """
    years: dict[tuple[str, str, int], list[Placed[StudentFact]]] = {}
    mentors: dict[tuple[str, int], Placed[MentorRegistered]] = {}
    managers: dict[tuple[str, int], Placed[ManagerRegistered]] = {}
    rosters: dict[tuple[str, int], Placed[SchoolRosterPublished]] = {}
    erased: list[Placed[StudentErased]] = []
    for item in placed:
        tenant, fact = item.tenant, item.fact
        if isinstance(fact, (StudentRegistered, StudentWithdrawnFact)):
            year = (tenant, fact.student_id, fact.year)
            group = years.get(year)
            if group is None:
                years[year] = [item]  # type: ignore[list-item]
            else:
                group.append(item)  # type: ignore[arg-type]
        elif isinstance(fact, MentorRegistered):
            before = mentors.get((tenant, fact.mentor_id))
            last = item if before is None else item._replace(is_first=before.is_first)
            mentors[tenant, fact.mentor_id] = last  # type: ignore[assignment]
        elif isinstance(fact, ManagerRegistered):
            managers[tenant, fact.manager_id] = item  # type: ignore[assignment]
        elif isinstance(fact, SchoolRosterPublished):
            rosters[tenant, fact.year] = item  # type: ignore[assignment]
        elif isinstance(fact, StudentErased):
            erased.append(item)  # type: ignore[arg-type]
        else:
            assert_never(fact)
    if years:
        await project_students(connection, list(years.values()))
    if mentors:
        await project_mentors(connection, list(mentors.values()))
    if managers:
        await project_managers(connection, list(managers.values()))
    if rosters:
        await project_rosters(connection, list(rosters.values()))
    if erased:
        await project_erased(connection, erased)
