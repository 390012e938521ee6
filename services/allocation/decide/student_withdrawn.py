"""A student's enrolment of one year ended: its place is free for those who wait."""

from collections.abc import Iterator
from typing import Final

from services.allocation.decide.decisions import serve, withdraw
from services.allocation.decide.enrolment import Enrolment
from services.allocation.decide.message import FactType
from services.allocation.decide.state import Cause, Needs, Pool
from shared.contracts.decisions import Decision
from shared.contracts.facts import StudentWithdrawnFact


def needs(pool: Pool | None, tenant: str, fact: StudentWithdrawnFact, wanted: Needs) -> None:
    """The student, unless its year is in memory."""
    if pool is None or pool.find(fact.year, fact.student_id) is None:
        wanted.student(tenant, fact.student_id)


def evolve(pool: Pool, _: Cause, fact: StudentWithdrawnFact) -> None:
    """The version alone: what the fact does to a live enrolment is a decision."""
    student = pool.find(fact.year, fact.student_id)
    if student is not None:
        new_version(pool, student, fact.version)


def new_version(pool: Pool, student: Enrolment, version: int) -> None:
    """The version of the fact that ends an enrolment."""
    student.version = version
    pool.changes.enrolments[student.arrival] = student


def decide(pool: Pool, fact: StudentWithdrawnFact) -> Iterator[Decision]:
    """The end of the year's enrolment, if it is live."""
    return end(pool, pool.find(fact.year, fact.student_id), fact.reason)


def end(pool: Pool, student: Enrolment | None, reason: str) -> Iterator[Decision]:
    """Ends an enrolment that is live; one that is unknown here, or ended already, leads to nothing."""
    if student is None or student.status == "withdrawn":
        return
    mentor = None if student.mentor_id is None else pool.mentors[student.mentor_id]
    yield withdraw(pool, student, mentor, reason)
    if mentor is not None:
        yield from serve(pool, mentor)


FACT: Final = FactType(needs, evolve, decide)
