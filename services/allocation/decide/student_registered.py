"""A student was registered, or changed: one without a place gets one, and one who no longer fits its mentor gets another."""

from collections.abc import Iterator
from typing import Final

from services.allocation.decide.decisions import place, release, serve
from services.allocation.decide.enrolment import Enrolment, Traits
from services.allocation.decide.message import FactType
from services.allocation.decide.rules import still_fits
from services.allocation.decide.state import Cause, Needs, Pool
from shared.contracts.decisions import Decision
from shared.contracts.facts import StudentRegistered


def needs(pool: Pool | None, tenant: str, fact: StudentRegistered, wanted: Needs) -> None:
    """The student, unless its year is in memory."""
    if pool is None or pool.find(fact.year, fact.student_id) is None:
        wanted.student(tenant, fact.student_id)


def evolve(pool: Pool, cause: Cause, fact: StudentRegistered) -> None:
    """The enrolment of the year with its new traits; a new one is not decided yet."""
    pool.open_year(fact.year)
    students = pool.enrolments[fact.year]
    student = students.get(fact.student_id)
    if student is None:
        student = students[fact.student_id] = Enrolment(
            tenant=cause.tenant,
            year=fact.year,
            student_id=fact.student_id,
            version=fact.version,
            arrival=cause.sequence,
            status="undecided",
            mentor_id=None,
            counter=pool.counter_of(fact.student_id),
            traits=Traits.of(fact),
            reason="",
            cause_sequence=cause.sequence,
            decided_at=cause.time,
        )
    else:
        waits = student.status == "waitlisted"
        if waits:
            pool.waitlist.remove(student)
        student.version = fact.version
        student.traits = Traits.of(fact)
        if waits:
            pool.waitlist.add(student)
        elif student.status == "withdrawn":
            student.status = "undecided"
    pool.changes.enrolments[student.arrival] = student


def decide(pool: Pool, fact: StudentRegistered) -> Iterator[Decision]:
    """A place for who has none; another one for who fits its mentor no more, whose place goes to those who wait."""
    student = pool.enrolments[fact.year][fact.student_id]
    if student.mentor_id is None:
        yield place(pool, student, "registered" if student.status == "undecided" else "changed")
        return
    mentor = pool.mentors[student.mentor_id]
    if not still_fits(pool.engine.rules, pool.policy, mentor, student):
        yield release(pool, student, mentor, "changed")
        yield place(pool, student, "changed", mentor.mentor_id)
        yield from serve(pool, mentor)


FACT: Final = FactType(needs, evolve, decide)
