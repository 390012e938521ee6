"""Which students must be read from the database before a batch is decided."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from services.allocation.decide.mentor import Mentor
from services.allocation.decide.state import Cause, PartitionState
from shared.contracts.facts import MentorRegistered, StudentErased, StudentRegistered, StudentWithdrawnFact

STUDENT_FACTS: Final = (StudentRegistered, StudentWithdrawnFact)


@dataclass(frozen=True, slots=True)
class Needs:
    """By tenant: students, and mentors whose present students are needed, in every year.

    Of each student, named here or present with a mentor named here, the rows of all years in the pool are to
    be loaded: the counter is the student's, not the year's.
    """

    students: dict[str, set[str]] = field(default_factory=dict)
    mentors: dict[str, set[int]] = field(default_factory=dict)


def needs(state: PartitionState, causes: Sequence[Cause]) -> Needs:
    """The rows that must be in the working set before `causes` are handled.

    A mentor's students in the database fit the mentor as it stands in `state`, so that every fact of the batch
    is compared with that one; who comes to a mentor within the batch is in the working set anyway.
    """
    wanted = Needs()
    for cause in causes:
        fact = cause.fact
        if isinstance(fact, STUDENT_FACTS):
            pool = state.pools.get(cause.tenant)
            if pool is None or pool.find(fact.year, fact.student_id) is None:
                wanted.students.setdefault(cause.tenant, set()).add(fact.student_id)
        elif isinstance(fact, StudentErased):  # of all its years some may be in memory, and others not
            wanted.students.setdefault(cause.tenant, set()).add(fact.student_id)
        elif isinstance(fact, MentorRegistered):
            pool = state.pools.get(cause.tenant)
            before = pool.mentors.get(fact.mentor_id) if pool else None
            if before is not None and before.active and narrows(before, Mentor.of(fact)):
                wanted.mentors.setdefault(cause.tenant, set()).add(fact.mentor_id)
    return wanted


def narrows(before: Mentor, after: Mentor) -> bool:
    """Whether a student who fitted `before` may not fit `after`. A lower capacity evicts nobody."""
    if not after.active or before.type != after.type:
        return True
    if not (set(before.groups) <= set(after.groups) and set(before.reach) <= set(after.reach)):
        return True
    return before.type == "school" and not set(before.schools) <= set(after.schools)
