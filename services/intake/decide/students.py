"""What is decided on students: registered, moved between pools, withdrawn, and looked at again after a roster."""

from typing import Final, Literal

from services.intake.decide.commands import RegisterStudent, WithdrawStudent
from services.intake.decide.outcomes import Accepted, NewFact, Outcome, Refused, Unchanged
from services.intake.decide.problems import STUDENT_NOT_REGISTERED
from services.intake.decide.state import State, Student, StudentYear, student_type
from shared.contracts.facts import FACT_NAMES, StudentRegistered, StudentWithdrawnFact
from shared.contracts.partitions import pool_partition

_REGISTERED: Final = FACT_NAMES[StudentRegistered]
_WITHDRAWN: Final = FACT_NAMES[StudentWithdrawnFact]


def register_student(
    state: State, command: RegisterStudent, student_id: str, fingerprint: bytes
) -> Accepted | Unchanged:
    """The year's new state; with another gender than before, the move of every year to the other pool."""
    known = state.students.get(student_id)
    year = StudentYear(
        command.edu_status,
        command.reg_center,
        command.reg_status,
        command.group_code,
        command.school_code,
        student_type(state.rosters.get(command.year), command.school_code),
        fingerprint,
    )
    subject = f"student/{student_id}"
    if known is not None and known.gender != command.gender:
        return Accepted(subject, _move(state, command, student_id, known, year))
    if known is not None and known.years.get(command.year) == year:
        return Unchanged(subject)
    version = 1 if known is None else known.version + 1
    fact = _fact(version, command.occurred_at, command.year, student_id, command.gender, year)
    partition = pool_partition(state.tenant, command.gender, state.partitions)
    return Accepted(subject, (NewFact(_REGISTERED, subject, partition, fact, fingerprint),))


def _move(
    state: State, command: RegisterStudent, student_id: str, known: Student, told: StudentYear
) -> tuple[NewFact, ...]:
    """Out of the old pool and into the new one, year by year; a year that was withdrawn is in neither."""
    subject, gender, version = f"student/{student_id}", command.gender, known.version
    partition = pool_partition(state.tenant, gender, state.partitions)
    facts = []
    for number in sorted(known.years.keys() | {command.year}):
        before = known.years.get(number)
        if before is not None and not before.is_withdrawn:
            version += 1
            facts.append(
                _left(state, version, command.occurred_at, number, student_id, known.gender, "moved")
            )
        elif number != command.year:
            continue
        after = told if number == command.year or before is None else before
        version += 1
        fact = _fact(version, command.occurred_at, number, student_id, gender, after)
        facts.append(
            NewFact(
                _REGISTERED, subject, partition, fact, after.fingerprint, keeps_seal=number != command.year
            )
        )
    return tuple(facts)


def withdraw_student(state: State, command: WithdrawStudent, student_id: str) -> Outcome:
    """The end of one year's enrolment. The other years, and who the student is, stay as they are."""
    known = state.students.get(student_id)
    year = known.years.get(command.year) if known is not None else None
    subject = f"student/{student_id}"
    if known is None or year is None:
        return Refused(subject if known is not None else None, (STUDENT_NOT_REGISTERED,))
    if year.is_withdrawn:
        return Unchanged(subject)
    version = known.version + 1
    left = _left(state, version, command.occurred_at, command.year, student_id, known.gender, "withdrawn")
    return Accepted(subject, (left,))


def rederived(state: State, student_id: str, year: int, occurred_at: str | None) -> NewFact | None:
    """The fact of a student whose type the roster of `year` has changed at `occurred_at`; None of any other one."""
    known = state.students[student_id]
    before = known.years.get(year)
    if before is None or before.is_withdrawn:
        return None
    now = student_type(state.rosters.get(year), before.school_code)
    if now == before.student_type:
        return None
    after = before._replace(student_type=now)
    fact = _fact(known.version + 1, occurred_at, year, student_id, known.gender, after)
    partition = pool_partition(state.tenant, known.gender, state.partitions)
    return NewFact(_REGISTERED, f"student/{student_id}", partition, fact, before.fingerprint, keeps_seal=True)


def _fact(
    version: int, occurred_at: str | None, year: int, student_id: str, gender: int, known: StudentYear
) -> StudentRegistered:
    return StudentRegistered(
        version=version,
        occurred_at=occurred_at,
        year=year,
        student_id=student_id,
        gender=gender,
        edu_status=known.edu_status,
        reg_center=known.reg_center,
        reg_status=known.reg_status,
        group_code=known.group_code,
        school_code=known.school_code,
        student_type=known.student_type,
        sealed="",
    )


def _left(
    state: State,
    version: int,
    occurred_at: str | None,
    year: int,
    student_id: str,
    gender: int,
    reason: Literal["withdrawn", "moved"],
) -> NewFact:
    fact = StudentWithdrawnFact(
        version=version,
        occurred_at=occurred_at,
        year=year,
        student_id=student_id,
        gender=gender,
        reason=reason,
    )
    partition = pool_partition(state.tenant, gender, state.partitions)
    return NewFact(_WITHDRAWN, f"student/{student_id}", partition, fact, b"")
