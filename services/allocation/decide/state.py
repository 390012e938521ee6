"""The state of one partition of allocation, and how a batch's students come into it and leave it again.

In memory for good: per pool its mentors, their loads, the last counters and those who wait. All other
students live in the database: the append room asks `needs`, below, which of them a batch touches, loads these rows,
handles the batch, writes `changes` and forgets the working set.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.allocation.decide.enrolment import Enrolment
from services.allocation.decide.mentor import Mentor
from services.allocation.decide.pool import Pool
from shared.contracts.facts import (
    Fact,
    MentorRegistered,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
)

STUDENT_FACTS: Final = (StudentRegistered, StudentWithdrawnFact)


@dataclass(frozen=True, slots=True)
class Cause:
    """A fact with its place: tenant, sequence in the partition, and time (RFC 3339, as in the envelope)."""

    tenant: str
    sequence: int
    time: str
    fact: Fact


@dataclass(slots=True)
class PartitionState:
    """The pools of one partition, by tenant; all have the gender of the partition (its number modulo 2)."""

    gender: int
    pools: dict[str, Pool] = field(default_factory=dict)

    def pool(self, tenant: str) -> Pool:
        """The tenant's pool; an empty one when it is new."""
        found = self.pools.get(tenant)
        if found is None:
            found = self.pools[tenant] = Pool(tenant, self.gender)
        return found

    def load(self, rows: Iterable[Enrolment]) -> None:
        """Takes students' rows into the working set. What is in memory already is newer and stays."""
        for row in rows:
            self.pool(row.tenant).load(row)

    def forget(self) -> None:
        """Drops the working set and the changes, after they were committed."""
        for pool in self.pools.values():
            pool.forget()


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

    A mentor's students in the database fit the mentor as it is in `state`, so that every fact of the batch
    is compared with that one; a student who gets a mentor within the batch is in the working set anyway.
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
