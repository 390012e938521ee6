"""A student was erased: every enrolment ends, as if each were withdrawn."""

from collections.abc import Iterator
from typing import Final

from services.allocation.decide.message import FactType
from services.allocation.decide.state import Cause, Needs, Pool
from services.allocation.decide.student_withdrawn import end, new_version
from shared.contracts.decisions import Decision
from shared.contracts.facts import StudentErased


def needs(_: Pool | None, tenant: str, fact: StudentErased, wanted: Needs) -> None:
    """The student in any case: of all its years some may be in memory, and others not."""
    wanted.student(tenant, fact.student_id)


def evolve(pool: Pool, _: Cause, fact: StudentErased) -> None:
    """The versions alone: what the fact does to live enrolments are decisions."""
    for student in pool.of_student(fact.student_id):
        new_version(pool, student, fact.version)


def decide(pool: Pool, fact: StudentErased) -> Iterator[Decision]:
    """The end of every enrolment that is live, year by year."""
    for student in sorted(pool.of_student(fact.student_id), key=lambda student: student.year):
        yield from end(pool, student, "erased")


FACT: Final = FactType(needs, evolve, decide)
