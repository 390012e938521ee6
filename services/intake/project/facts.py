"""Facts of the log → the read models. Whoever calls it needs no command: a rebuild projects what the log holds."""

from collections.abc import Sequence
from typing import assert_never

from services.intake.project.erased import project_erased
from services.intake.project.managers import project_managers
from services.intake.project.mentors import project_mentors
from services.intake.project.placed import Placed
from services.intake.project.rosters import project_rosters
from services.intake.project.students import StudentFact, project_students
from shared.contracts.facts import (
    Fact,
    ManagerRegistered,
    MentorRegistered,
    SchoolRosterPublished,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
)
from shared.postgres import Connection


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
