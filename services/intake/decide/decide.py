"""What a command does to a tenant's state: new facts, nothing, or a refusal."""

from typing import TypeVar, assert_never

import msgspec

from services.intake.decide.commands import (
    Command,
    PublishSchoolRoster,
    RegisterManager,
    RegisterMentor,
    RegisterStudent,
    WithdrawStudent,
)
from services.intake.decide.evolve import evolve
from services.intake.decide.mentors import register_manager, register_mentor
from services.intake.decide.outcomes import Accepted, NewFact, Outcome, Refused, Unchanged
from services.intake.decide.rosters import publish_roster
from services.intake.decide.state import State
from services.intake.decide.students import register_student, withdraw_student
from shared.contracts.facts import ManagerRegistered, MentorRegistered, StudentRegistered

F = TypeVar("F", bound=StudentRegistered | MentorRegistered | ManagerRegistered)

__all__ = ["Accepted", "NewFact", "Outcome", "Refused", "Unchanged", "decide", "evolve", "with_seal"]


def decide(state: State, command: Command, *, student_id: str = "", fingerprint: bytes = b"") -> Outcome:
    """What `command` does on `state`. Neither is changed.

    `student_id` is the pseudonym of a student command's national ID: of one that is unknown a new one to
    register, and none to withdraw. `fingerprint` is `digests.fingerprint` of the personal fields, if there are any.
    """
    if isinstance(command, RegisterStudent):
        return register_student(state, command, student_id, fingerprint)
    if isinstance(command, RegisterMentor):
        return register_mentor(state, command, fingerprint)
    if isinstance(command, RegisterManager):
        return register_manager(state, command, fingerprint)
    if isinstance(command, PublishSchoolRoster):
        return publish_roster(state, command)
    if isinstance(command, WithdrawStudent):
        return withdraw_student(state, command, student_id)
    assert_never(command)


def with_seal(fact: F, sealed: str) -> F:
    """`fact` with its personal data, sealed for (tenant, subject, type)."""
    return msgspec.structs.replace(fact, sealed=sealed)
