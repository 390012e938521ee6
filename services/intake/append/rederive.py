"""Whom a roster changes: the year's students of another type than before, page by page, by arrival."""

from collections.abc import AsyncIterator
from typing import Final

from services.intake.append.settle import Pending, Rederival
from services.intake.decide.state import State, Student, StudentYear
from services.intake.decide.students import rederived
from shared.postgres import Connection, named_queries

QUERIES: Final = named_queries("services.intake.append")
PAGE: Final = 1_000
"""Students in memory at once: about 3 MB with their facts."""


async def rederived_pages(
    connection: Connection, rederival: Rederival, partitions: int
) -> AsyncIterator[list[Pending]]:
    """The facts of a roster's students, at most 1,000 at a time; they must be written before the next are asked for.

    One cursor sorts the students once. It sees them as they were when the roster was projected; since then nobody
    changed them, for the transaction is alone in its tenant.
    """
    arrival = rederival.settled.arrival
    command, year = arrival.command, rederival.year
    assert command is not None
    cursor = await connection.cursor(
        QUERIES["students_to_rederive"], arrival.tenant, year, sorted(rederival.roster.school_codes)
    )
    while rows := await cursor.fetch(PAGE):
        state = State(arrival.tenant, partitions, rosters={year: rederival.roster})
        for row in rows:
            known = StudentYear(
                edu_status=row["edu_status"],
                reg_center=row["reg_center"],
                reg_status=row["reg_status"],
                group_code=row["group_code"],
                school_code=row["school_code"],
                student_type=row["student_type"],
                fingerprint=row["fingerprint"],
            )
            state.students[row["student_id"]] = Student(row["version"], row["gender"], {year: known})
        decided = [rederived(state, student_id, year, command.occurred_at) for student_id in state.students]
        yield [Pending(rederival.settled, new, is_first=False) for new in decided if new is not None]
