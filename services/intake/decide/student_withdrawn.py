"""`rahnama.student.withdrawn.v1`: the end of a student's enrolment in one academic year."""

from collections.abc import Mapping
from typing import Final, Literal

from services.intake.decide import normalise
from services.intake.decide.commands import Private, StudentCommand
from services.intake.decide.fields import NATIONAL_ID, YEAR, field, values_of
from services.intake.decide.message import CommandType, Errors, FactType, Given, Identity, no_needs
from services.intake.decide.outcomes import Accepted, NewFact, Outcome, Refused, Unchanged
from services.intake.decide.problems import STUDENT_NOT_REGISTERED
from services.intake.decide.state import State
from shared.contracts.facts import FACT_NAMES, StudentWithdrawnFact
from shared.contracts.partitions import pool_partition
from shared.errors import FieldError

_WITHDRAWN: Final = FACT_NAMES[StudentWithdrawnFact]


FIELDS: Final = (
    YEAR,
    NATIONAL_ID,
    field("reason", normalise.optional_text, ("text of at most 256 characters, or null; it is not kept", "دلیل", "متنی تا ۲۵۶ نویسه، یا خالی؛ نگه داشته نمی‌شود")),
)  # fmt: skip


class WithdrawStudent(Private, StudentCommand, frozen=True, kw_only=True, gc=False):
    """The end of a student's enrolment in one academic year. Upstream's own words for it are not kept."""

    national_id: str


def parse(data: Mapping[str, object], given: Given) -> WithdrawStudent | Errors:
    """The reason must be text, and is not kept: free text may hold personal data of anyone."""
    errors: list[FieldError] = []
    year, national_id, _reason = values_of(data, FIELDS, errors)
    if errors:
        return tuple(errors)
    return WithdrawStudent(occurred_at=given.occurred_at, year=year, national_id=national_id)


def decide(state: State, command: WithdrawStudent, identity: Identity) -> Outcome:
    """The end of one year's enrolment. The other years, and who the student is, stay as they are."""
    student_id = identity.student_id
    known = state.students.get(student_id)
    year = known.years.get(command.year) if known is not None else None
    subject = f"student/{student_id}"
    if known is None or year is None:
        return Refused(subject if known is not None else None, (STUDENT_NOT_REGISTERED,))
    if year.is_withdrawn:
        return Unchanged(subject)
    version = known.version + 1
    left = withdrawn(state, version, command.occurred_at, command.year, student_id, known.gender, "withdrawn")
    return Accepted(subject, (left,))


def withdrawn(
    state: State,
    version: int,
    occurred_at: str | None,
    year: int,
    student_id: str,
    gender: int,
    reason: Literal["withdrawn", "moved"],
) -> NewFact:
    """The fact that a year's enrolment in the pool of `gender` has ended."""
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


def evolve(state: State, fact: StudentWithdrawnFact, _fingerprint: bytes) -> None:
    """The year stays known, with the state that it was left with."""
    student = state.students[fact.student_id]
    student.version = fact.version
    student.years[fact.year] = student.years[fact.year]._replace(is_withdrawn=True)


COMMAND: Final = CommandType(WithdrawStudent, FIELDS, parse, no_needs, decide)
FACT: Final = FactType(evolve, of_year=True)
