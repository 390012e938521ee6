"""The naive engine: allocation as docs/domain.md defines it, with no index and no working set.

It keeps everyone, counts loads by counting students, asks every mentor every rule and sorts with fractions.
It shares the contracts with the engine that it judges, and nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from shared.contracts.decisions import (
    RULES,
    Candidate,
    Decision,
    Rank,
    StudentAssigned,
    StudentReleased,
    StudentWaitlisted,
    StudentWithdrawn,
)
from shared.contracts.facts import (
    Fact,
    MentorRegistered,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
)
from tests.oracle.fairness import Filled, in_order


@dataclass
class Student:
    """One (year, student): its latest registration, the arrival of its first, and where it is now.

    `ended` is said of the enrolment, from a withdrawal until the student is registered again.
    """

    fact: StudentRegistered
    arrival: int
    version: int
    mentor_id: int | None = None
    ended: bool = False

    @property
    def status(self) -> str:
        """As the read model calls it."""
        if self.ended:
            return "withdrawn"
        return "waitlisted" if self.mentor_id is None else "assigned"


@dataclass
class NaivePool:
    """All that ever came to one (tenant, gender)."""

    gender: int
    mentors: dict[int, MentorRegistered] = field(default_factory=dict)
    students: list[Student] = field(default_factory=list)
    counters: dict[str, str] = field(default_factory=dict)
    numbers_used: dict[int, int] = field(default_factory=dict)
    policy: str = "default"
    reg_status: tuple[int, ...] = (0, 1, 3)
    strategy: str = "none"
    bucket_size: Fraction = Fraction(1, 10)
    last_chosen: dict[int, int] = field(default_factory=dict)

    def handle(self, sequence: int, fact: Fact) -> list[Decision]:
        """What the fact at `sequence` leads to."""
        if isinstance(fact, StudentRegistered):
            return list(self._student(sequence, fact))
        if isinstance(fact, StudentWithdrawnFact):
            return list(self._withdrawal(fact))
        if isinstance(fact, StudentErased):
            return list(self._erasure(fact))
        if isinstance(fact, MentorRegistered):
            return list(self._mentor(fact))
        return []

    def load(self, mentor_id: int, year: int) -> int:
        """How many students of that year are with the mentor."""
        return sum(1 for s in self.students if s.mentor_id == mentor_id and s.fact.year == year)

    def waiting(self) -> list[Student]:
        """Those without a mentor who want one, first come first."""
        unplaced = (s for s in self.students if s.mentor_id is None and not s.ended)
        return sorted(unplaced, key=lambda s: s.arrival)

    def eligible(self, student: Student) -> list[MentorRegistered]:
        """The mentors that pass all eight rules, best first."""
        fact = student.fact
        passing = [mentor for mentor in self.mentors.values() if all(self._answers(mentor, fact))]
        filled = [Filled(m.mentor_id, self.load(m.mentor_id, fact.year), m.capacity) for m in passing]
        last = self.last_chosen.get(fact.year)
        return [
            self.mentors[mentor.mentor_id]
            for mentor in in_order(self.strategy, filled, str(fact.year), self.bucket_size, last)
        ]

    def _student(self, sequence: int, fact: StudentRegistered) -> Iterator[Decision]:
        known = [s for s in self.students if (s.fact.year, s.fact.student_id) == (fact.year, fact.student_id)]
        if not known:
            student = Student(fact, sequence, fact.version)
            self.students.append(student)
            yield self._decide(student, "registered", None)
            return
        (student,) = known
        student.fact, student.version = fact, fact.version
        if student.ended:
            student.ended = False
            yield self._decide(student, "registered", None)
        elif student.mentor_id is None:
            yield self._decide(student, "changed", None)
        elif not self._may_stay(student):
            yield from self._move(student, "changed")
            yield from self._serve_the_waitlist()

    def _withdrawal(self, fact: StudentWithdrawnFact) -> Iterator[Decision]:
        for student in self.students:
            if (student.fact.year, student.fact.student_id) == (fact.year, fact.student_id):
                yield from self._end(student, fact.version, fact.reason)

    def _erasure(self, fact: StudentErased) -> Iterator[Decision]:
        theirs = [s for s in self.students if s.fact.student_id == fact.student_id]
        for student in sorted(theirs, key=lambda s: s.fact.year):
            yield from self._end(student, fact.version, "erased")

    def _end(self, student: Student, version: int, reason: str) -> Iterator[Decision]:
        student.version = version
        if student.ended:
            return
        previous, student.mentor_id, student.ended = student.mentor_id, None, True
        yield StudentWithdrawn(
            year=student.fact.year,
            student_id=student.fact.student_id,
            version=version,
            policy=self.policy,
            engine=1,
            reason=reason,
            previous_mentor_id=previous,
        )
        yield from self._serve_the_waitlist()

    def _mentor(self, fact: MentorRegistered) -> Iterator[Decision]:
        self.mentors[fact.mentor_id] = fact
        theirs = [s for s in self.students if s.mentor_id == fact.mentor_id]
        for student in sorted(theirs, key=lambda s: s.arrival):
            if not self._may_stay(student):
                yield from self._move(student, "mentor")
        yield from self._serve_the_waitlist()

    def _serve_the_waitlist(self) -> Iterator[Decision]:
        for student in self.waiting():
            if self.eligible(student):
                yield self._decide(student, "waitlist", None)

    def _move(self, student: Student, reason: str) -> Iterator[Decision]:
        previous = student.mentor_id
        assert previous is not None
        student.mentor_id = None
        yield StudentReleased(
            year=student.fact.year,
            student_id=student.fact.student_id,
            version=student.fact.version,
            policy=self.policy,
            engine=1,
            reason=reason,
            previous_mentor_id=previous,
        )
        yield self._decide(student, reason, previous)

    def _decide(self, student: Student, reason: str, previous: int | None) -> Decision:
        fact = student.fact
        ranked = self.eligible(student)
        if not ranked:
            return self._waitlist(fact)
        loads = [self.load(mentor.mentor_id, fact.year) for mentor in ranked]
        counter = self._counter(fact)
        student.mentor_id = self.last_chosen[fact.year] = ranked[0].mentor_id
        return StudentAssigned(
            year=fact.year,
            student_id=fact.student_id,
            version=fact.version,
            policy=self.policy,
            engine=1,
            mentor_id=ranked[0].mentor_id,
            counter=counter,
            counter_status="COUNTER_EXHAUSTED" if counter is None else None,
            rank=Rank(loads[0], ranked[0].capacity),
            candidates=len(ranked),
            next_best=[
                Candidate(mentor.mentor_id, load, mentor.capacity)
                for mentor, load in zip(ranked[1:4], loads[1:4], strict=True)
            ],
            reason=reason,  # type: ignore[arg-type]
            previous_mentor_id=previous,
        )

    def _waitlist(self, fact: StudentRegistered) -> StudentWaitlisted:
        remaining = list(self.mentors.values())
        funnel = {}
        for number, rule in enumerate(RULES):
            remaining = [mentor for mentor in remaining if self._answers(mentor, fact)[number]]
            funnel[rule] = len(remaining)
        return StudentWaitlisted(
            year=fact.year,
            student_id=fact.student_id,
            version=fact.version,
            policy=self.policy,
            engine=1,
            reason=next(rule for rule in RULES if funnel[rule] == 0),
            funnel=funnel,
        )

    def _counter(self, fact: StudentRegistered) -> str | None:
        if fact.student_id not in self.counters:
            number = self.numbers_used.get(fact.year, 0) + 1
            if number > 9999:
                return None
            self.numbers_used[fact.year] = number
            prefix = {0: "373", 1: "357"}[self.gender]
            self.counters[fact.student_id] = str(fact.year)[-2:] + prefix + str(number).zfill(4)
        return self.counters[fact.student_id]

    def _may_stay(self, student: Student) -> bool:
        assert student.mentor_id is not None
        mentor = self.mentors[student.mentor_id]
        answers = dict(zip(RULES, self._answers(mentor, student.fact), strict=True))
        answers["CAPACITY_AVAILABLE"] = mentor.active
        return all(answers.values())

    def _answers(self, mentor: MentorRegistered, student: StudentRegistered) -> list[bool]:
        """The eight rules, in their order."""
        if student.student_type == 1:
            compatible = mentor.type == "school" and student.school_code in mentor.schools
        else:
            compatible = mentor.type == "normal"
        return [
            mentor.gender == student.gender,
            student.group_code in mentor.groups,
            student.reg_center in mentor.centers,
            student.reg_status in self.reg_status,
            mentor.active and self.load(mentor.mentor_id, student.year) < mentor.capacity,
            compatible,
            not (student.edu_status == 0 and mentor.type == "school"),
            mentor.manager_centers is None or student.reg_center in mentor.manager_centers,
        ]
