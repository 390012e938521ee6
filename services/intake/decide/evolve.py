"""What an accepted fact makes of a tenant's state: later commands of the same batch are decided on it."""

from typing import assert_never

from services.intake.decide.outcomes import NewFact
from services.intake.decide.state import Manager, Mentor, Roster, State, Student, StudentYear
from shared.contracts.facts import (
    ManagerRegistered,
    MentorRegistered,
    SchoolRosterPublished,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
)


def evolve(state: State, new: NewFact) -> State:
    """`state` with `new` applied. Changes it in place and returns it: a batch has thousands of facts."""
    fact = new.fact
    if isinstance(fact, StudentRegistered):
        _student(state, fact, new.fingerprint)
    elif isinstance(fact, StudentWithdrawnFact):
        _student_withdrawn(state, fact)
    elif isinstance(fact, MentorRegistered):
        _mentor(state, fact, new.fingerprint)
    elif isinstance(fact, ManagerRegistered):
        state.managers[fact.manager_id] = Manager(
            fact.version, fact.is_active, tuple(fact.centers), new.fingerprint
        )
    elif isinstance(fact, SchoolRosterPublished):
        state.rosters[fact.year] = Roster(fact.version, frozenset(fact.school_codes))
    elif isinstance(fact, StudentErased):
        state.students.pop(fact.student_id, None)
    else:
        assert_never(fact)
    return state


def _student(state: State, fact: StudentRegistered, fingerprint: bytes) -> None:
    student = state.students.get(fact.student_id)
    if student is None:
        student = state.students[fact.student_id] = Student(fact.version, fact.gender, {})
    student.version = fact.version
    student.gender = fact.gender
    student.years[fact.year] = StudentYear(
        fact.edu_status,
        fact.reg_center,
        fact.reg_status,
        fact.group_code,
        fact.school_code,
        fact.student_type,
        fingerprint,
    )


def _student_withdrawn(state: State, fact: StudentWithdrawnFact) -> None:
    student = state.students[fact.student_id]
    student.version = fact.version
    student.years[fact.year] = student.years[fact.year]._replace(is_withdrawn=True)


def _mentor(state: State, fact: MentorRegistered, fingerprint: bytes) -> None:
    before = state.mentors.get(fact.mentor_id)
    if before is not None and before.fact.manager_id is not None:
        state.mentors_of.get(before.fact.manager_id, set()).discard(fact.mentor_id)
    if fact.manager_id is not None:
        state.mentors_of.setdefault(fact.manager_id, set()).add(fact.mentor_id)
    state.mentors[fact.mentor_id] = Mentor(fact, fingerprint)
