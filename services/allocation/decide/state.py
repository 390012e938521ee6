"""The state of one partition of allocation, and how a batch's students come into it and leave it again.

In memory for good: per pool its mentors, their loads, the last counters and those who wait. All other
students live in the database: the append room asks `messages.needs` which of them a batch touches, loads these rows,
handles the batch, writes `changes` and forgets the working set.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Self

from services.allocation.decide.changes import Changes
from services.allocation.decide.engines import engine_of
from services.allocation.decide.enrolment import Enrolment
from services.allocation.decide.mentor import Mentor
from services.allocation.decide.mentor_index import MentorIndex
from services.allocation.decide.policy import DEFAULT_POLICY, Policy
from services.allocation.decide.waitlist import Waitlist
from shared.contracts.facts import Fact


class Pool:
    """Mentors; loads, last counters and last chosen mentors by year; and the students in memory.

    `enrolments` holds by year and id everyone who waits, and besides them the working set of a batch. `present`
    finds the students of the working set that are with a mentor, by arrival. `index` and `waitlist` say the
    same things again, in the form in which a choice under `policy` needs them.
    """

    def __init__(self, tenant: str, gender: int, policy: Policy = DEFAULT_POLICY) -> None:
        self.tenant = tenant
        self.gender = gender
        self.policy = policy
        self.mentors: dict[int, Mentor] = {}
        self.loads: dict[int, dict[int, int]] = {}
        self.last_counters: dict[int, int] = {}
        self.last_chosen: dict[int, int] = {}
        self.enrolments: dict[int, dict[str, Enrolment]] = {}
        self.present: dict[int, dict[int, Enrolment]] = {}
        self.engine = engine_of(policy)
        self.index = MentorIndex(policy, self.engine.rules, self.last_chosen)
        self.waitlist = Waitlist(policy)
        self.changes = Changes()
        self._loaded: list[Enrolment] = []

    @classmethod
    def restore(
        cls,
        tenant: str,
        gender: int,
        *,
        mentors: Iterable[Mentor],
        loads: Iterable[tuple[int, int, int]],
        years: Iterable[tuple[int, int, int | None]],
        waiting: Iterable[Enrolment],
        policy: Policy = DEFAULT_POLICY,
    ) -> Self:
        """The pool as the database has it.

        `loads` are (year, mentor_id, load), `years` (year, last counter, last chosen mentor).
        """
        pool = cls(tenant, gender, policy)
        for mentor in sorted(mentors, key=lambda mentor: mentor.mentor_id):
            pool.mentors[mentor.mentor_id] = mentor
            pool.index.put(None, mentor, {})
        for year, mentor_id, load in loads:
            pool.loads.setdefault(year, {})[mentor_id] = load
            pool.enrolments.setdefault(year, {})
        for year in pool.loads:
            pool.index.open_year(year, pool.mentors, pool.loads[year])
        for year, last_counter, last_chosen in years:
            pool.last_counters[year] = last_counter
            if last_chosen is not None:
                pool.last_chosen[year] = last_chosen
        for student in waiting:
            student.share()
            pool.load(student)
        pool._loaded.clear()
        return pool

    def open_year(self, year: int) -> None:
        """Makes the year known, with no loads, when its first student comes."""
        if year not in self.loads:
            self.loads[year] = {}
            self.enrolments[year] = {}
            self.index.open_year(year, self.mentors, self.loads[year])

    def load(self, row: Enrolment) -> None:
        """Takes a row of the database into memory, unless it is there already."""
        self.open_year(row.year)
        if self.enrolments[row.year].setdefault(row.student_id, row) is not row:
            return
        row.stored = True
        self._loaded.append(row)
        if row.status == "waitlisted":
            self.waitlist.add(row)
        elif row.mentor_id is not None:
            self.present.setdefault(row.mentor_id, {})[row.arrival] = row

    def find(self, year: int, student_id: str) -> Enrolment | None:
        """The student's enrolment of the year, if it is in memory."""
        return self.enrolments.get(year, {}).get(student_id)

    def counter_of(self, student_id: str) -> str | None:
        """The student's own, if a year has given it one: then each of its enrolments in memory has it."""
        for students in self.enrolments.values():
            found = students.get(student_id)
            if found is not None and found.counter is not None:
                return found.counter
        return None

    def of_student(self, student_id: str) -> list[Enrolment]:
        """The student's enrolments that are in memory."""
        return [found for year in self.enrolments.values() if (found := year.get(student_id)) is not None]

    def forget(self) -> None:
        """Drops the working set and the changes, once they are stored; those who wait stay."""
        for student in chain(self._loaded, self.changes.enrolments.values()):
            student.stored = True
            if student.status == "waitlisted":
                student.share()
            else:
                self.enrolments[student.year].pop(student.student_id, None)
        self._loaded.clear()
        self.present.clear()
        self.changes.clear()


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

    def student(self, tenant: str, student_id: str) -> None:
        """Adds one."""
        self.students.setdefault(tenant, set()).add(student_id)

    def mentor(self, tenant: str, mentor_id: int) -> None:
        """Adds one."""
        self.mentors.setdefault(tenant, set()).add(mentor_id)
