"""What a command does to a tenant's state: new facts, nothing, or a refusal."""

from typing import TypeVar, assert_never

import msgspec

from services.intake.decide.commands import (
    Command,
    PublishSchoolRoster,
    RegisterManager,
    RegisterMentor,
    RegisterStudent,
)
from services.intake.decide.evolve import evolve
from services.intake.decide.outcomes import Accepted, NewFact, Outcome, Refused, Unchanged
from services.intake.decide.problems import (
    MANAGER_CHANGE_AFFECTS_MENTORS,
    MENTOR_GENDER_FIXED,
    ROSTER_CHANGE_AFFECTS_STUDENTS,
    STUDENT_GENDER_CHANGE_UNSUPPORTED,
)
from services.intake.decide.state import State, StudentYear, manager_centers
from shared.contracts.facts import (
    FACT_NAMES,
    Fact,
    ManagerRegistered,
    MentorRegistered,
    SchoolRosterPublished,
    StudentRegistered,
)
from shared.contracts.partitions import pool_partition

F = TypeVar("F", bound=StudentRegistered | MentorRegistered | ManagerRegistered)

__all__ = ["Accepted", "NewFact", "Outcome", "Refused", "Unchanged", "decide", "evolve", "with_seal"]

_STUDENT, _MENTOR, _MANAGER, _ROSTER = (
    FACT_NAMES[shape]
    for shape in (StudentRegistered, MentorRegistered, ManagerRegistered, SchoolRosterPublished)
)


def decide(state: State, command: Command, *, student_id: str = "", fingerprint: bytes = b"") -> Outcome:
    """What `command` does on `state`. Neither is changed.

    `student_id` is the pseudonym of a student command's national ID, a new one if it is unknown;
    `fingerprint` is `digests.fingerprint` of the personal fields (none for a roster).
    """
    if isinstance(command, RegisterStudent):
        return _student(state, command, student_id, fingerprint)
    if isinstance(command, RegisterMentor):
        return _mentor(state, command, fingerprint)
    if isinstance(command, RegisterManager):
        return _manager(state, command, fingerprint)
    if isinstance(command, PublishSchoolRoster):
        return _roster(state, command)
    assert_never(command)


def with_seal(fact: F, sealed: str) -> F:
    """`fact` with its personal data, sealed for (tenant, subject, type)."""
    return msgspec.structs.replace(fact, sealed=sealed)


def _accept(state: State, kind: str, subject: str, gender: int, fact: Fact, fingerprint: bytes) -> Accepted:
    partition = pool_partition(state.tenant, gender, state.partitions)
    return Accepted(subject, (NewFact(kind, subject, partition, fact, fingerprint),))


def _student(state: State, command: RegisterStudent, student_id: str, fingerprint: bytes) -> Outcome:
    subject = f"student/{student_id}"
    school_code = command.school_code
    roster = state.rosters.get(command.year)
    student_type = int(school_code is not None and roster is not None and school_code in roster.school_codes)
    known = state.students.get(student_id)
    version = 1
    if known is not None:
        if known.gender != command.gender:
            return Refused(subject, (STUDENT_GENDER_CHANGE_UNSUPPORTED,))
        if known.years.get(command.year) == StudentYear(
            command.edu_status,
            command.reg_center,
            command.reg_status,
            command.group_code,
            school_code,
            student_type,
            fingerprint,
        ):
            return Unchanged(subject)
        version = known.version + 1
    fact = StudentRegistered(
        version=version,
        occurred_at=command.occurred_at,
        year=command.year,
        student_id=student_id,
        gender=command.gender,
        edu_status=command.edu_status,
        reg_center=command.reg_center,
        reg_status=command.reg_status,
        group_code=command.group_code,
        school_code=school_code,
        student_type=student_type,
        sealed="",
    )
    return _accept(state, _STUDENT, subject, command.gender, fact, fingerprint)


def _mentor(state: State, command: RegisterMentor, fingerprint: bytes) -> Outcome:
    subject = f"mentor/{command.mentor_id}"
    known = state.mentors.get(command.mentor_id)
    if known is not None and known.fact.gender != command.gender:
        return Refused(subject, (MENTOR_GENDER_FIXED,))
    centers = (
        None if command.manager_id is None else list(manager_centers(state.managers.get(command.manager_id)))
    )
    fact = MentorRegistered(
        version=1 if known is None else known.fact.version + 1,
        occurred_at=command.occurred_at,
        mentor_id=command.mentor_id,
        gender=command.gender,
        type=command.type,
        capacity=command.capacity,
        active=command.active,
        alias_code=command.alias_code,
        manager_id=command.manager_id,
        manager_centers=centers,
        groups=list(command.groups),
        centers=list(command.centers),
        schools=list(command.schools),
        sealed="",
    )
    if known is not None and known.fingerprint == fingerprint and _same_content(known.fact, fact):
        return Unchanged(subject)
    return _accept(state, _MENTOR, subject, command.gender, fact, fingerprint)


def _same_content(known: MentorRegistered, fact: MentorRegistered) -> bool:
    """Whether only what every fact has anew differs: its version, upstream's time and the seal."""
    return fact == msgspec.structs.replace(
        known, version=fact.version, occurred_at=fact.occurred_at, sealed=fact.sealed
    )


def _manager(state: State, command: RegisterManager, fingerprint: bytes) -> Outcome:
    subject = f"manager/{command.manager_id}"
    known = state.managers.get(command.manager_id)
    if known is not None and (
        known.is_active == command.is_active
        and known.centers == command.centers
        and known.fingerprint == fingerprint
    ):
        return Unchanged(subject)
    after = command.centers if command.is_active else ()
    if manager_centers(known) != after and state.mentors_of.get(command.manager_id):
        return Refused(subject, (MANAGER_CHANGE_AFFECTS_MENTORS,))
    fact = ManagerRegistered(
        version=1 if known is None else known.version + 1,
        occurred_at=command.occurred_at,
        manager_id=command.manager_id,
        is_active=command.is_active,
        centers=list(command.centers),
        sealed="",
    )
    return _accept(state, _MANAGER, subject, 0, fact, fingerprint)


def _roster(state: State, command: PublishSchoolRoster) -> Outcome:
    subject = f"school-roster/{command.year}"
    known = state.rosters.get(command.year)
    published = frozenset(command.school_codes)
    if known is not None and known.school_codes == published:
        return Unchanged(subject)
    changing = published ^ (known.school_codes if known is not None else frozenset())
    if any(state.schools_of.get(command.year, {}).get(code) for code in changing):
        return Refused(subject, (ROSTER_CHANGE_AFFECTS_STUDENTS,))
    fact = SchoolRosterPublished(
        version=1 if known is None else known.version + 1,
        occurred_at=command.occurred_at,
        year=command.year,
        school_codes=list(command.school_codes),
    )
    return _accept(state, _ROSTER, subject, 0, fact, b"")
