"""Given facts, when one more comes, then these decisions: the words of the decider's specifications."""

from collections.abc import Sequence
from typing import Any, Literal

from services.allocation.decide import Cause, Enrolment, Mentor, PartitionState, Traits, handle
from shared.contracts.decisions import (
    Decision,
    StudentAssigned,
    StudentReleased,
    StudentWaitlisted,
)
from shared.contracts.facts import (
    Fact,
    MentorRegistered,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
)

TENANT = "default"


def a_student(name: str, **different: Any) -> StudentRegistered:
    """A girl of group 1 and centre 0, studying, in no special school."""
    facts: dict[str, Any] = {
        "version": 1,
        "occurred_at": None,
        "year": 1402,
        "student_id": name,
        "gender": 0,
        "edu_status": 1,
        "reg_center": 0,
        "reg_status": 0,
        "group_code": 1,
        "school_code": None,
        "student_type": 0,
        "sealed": "",
    }
    return StudentRegistered(**(facts | different))


def a_school_student(name: str, school_code: int, **different: Any) -> StudentRegistered:
    """The same in a special school."""
    return a_student(name, school_code=school_code, student_type=1, **different)


def a_withdrawal(name: str, reason: Literal["withdrawn", "moved"] = "withdrawn", **different: Any) -> Fact:
    """The end of that student's enrolment in the pool of girls."""
    facts: dict[str, Any] = {
        "version": 2,
        "occurred_at": None,
        "year": 1402,
        "student_id": name,
        "gender": 0,
        "reason": reason,
    }
    return StudentWithdrawnFact(**(facts | different))


def an_erasure(name: str, *years: int, version: int = 9) -> StudentErased:
    """Nobody can tell any more who that student of the pool of girls was."""
    return StudentErased(version=version, occurred_at=None, student_id=name, gender=0, years=list(years))


def a_mentor(mentor_id: int, **different: Any) -> MentorRegistered:
    """A normal mentor for group 1 and centre 0, without a manager."""
    facts: dict[str, Any] = {
        "version": 1,
        "occurred_at": None,
        "mentor_id": mentor_id,
        "gender": 0,
        "type": "normal",
        "capacity": 60,
        "active": True,
        "alias_code": None,
        "manager_id": None,
        "manager_centers": None,
        "groups": [1],
        "centers": [0],
        "schools": [],
        "sealed": "",
    }
    return MentorRegistered(**(facts | different))


def a_school_mentor(mentor_id: int, *schools: int, **different: Any) -> MentorRegistered:
    """The same for the students of special schools."""
    return a_mentor(mentor_id, type="school", schools=list(schools), **different)


def an_enrolment(fact: StudentRegistered, **different: Any) -> Enrolment:
    """The row of a student, waiting unless said otherwise."""
    row: dict[str, Any] = {
        "tenant": TENANT,
        "year": fact.year,
        "student_id": fact.student_id,
        "version": fact.version,
        "arrival": 1,
        "status": "waitlisted",
        "mentor_id": None,
        "counter": None,
        "traits": Traits.of(fact),
        "reason": "GENDER_MATCH",
        "cause_sequence": 1,
        "decided_at": "2026-01-01T00:00:00.000000Z",
    }
    return Enrolment(**(row | different))


def the_mentor(fact: MentorRegistered) -> Mentor:
    """The mentor of a fact."""
    return Mentor.of(fact)


class Given:
    """A partition of girls after some facts of one tenant."""

    def __init__(self, *facts: Fact, gender: int = 0) -> None:
        self.state = PartitionState(gender)
        self.sequence = 0
        for fact in facts:
            self.when(fact)

    def when(self, fact: Fact) -> list[Decision]:
        """The decisions to which the next fact leads."""
        self.sequence += 1
        time = f"2026-01-01T00:00:{self.sequence:02d}.000000Z"
        return handle(self.state, Cause(TENANT, self.sequence, time, fact))

    def load(self, mentor_id: int, year: int = 1402) -> int:
        """How many students of the year the mentor has."""
        return self.state.pool(TENANT).loads[year].get(mentor_id, 0)

    def enrolment(self, name: str, year: int = 1402) -> Enrolment:
        """The student's state in that year."""
        return self.state.pool(TENANT).enrolments[year][name]


def outcomes(decisions: Sequence[Decision]) -> list[tuple[Any, ...]]:
    """Each decision in short: what, who, where, why."""
    return [_outcome(decision) for decision in decisions]


def _outcome(decision: Decision) -> tuple[Any, ...]:
    match decision:
        case StudentAssigned():
            return "assigned", decision.student_id, decision.mentor_id, decision.reason
        case StudentWaitlisted():
            return "waitlisted", decision.student_id, decision.reason
        case StudentReleased():
            return "released", decision.student_id, decision.previous_mentor_id, decision.reason
        case _:
            return "withdrawn", decision.student_id, decision.previous_mentor_id, decision.reason
