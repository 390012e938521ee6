"""Settles a batch in memory: repeats are answered from the first answer, everything else is decided, in order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, assert_never

from msgspec import UNSET

from services.intake.append.arrival import Arrival
from services.intake.append.load import TenantBatch
from services.intake.append.result import Place, Result, Status
from services.intake.append.sealing import uuid7
from services.intake.decide.commands import Command, RegisterStudent
from services.intake.decide.decide import Accepted, NewFact, Refused, Unchanged, decide, evolve
from shared.errors import FieldError

ID_REUSED: Final = FieldError(
    "/id",
    "ID_REUSED",
    "This source and id were used for another content.",
    "این شناسه پیش‌تر با محتوای دیگری آمده است.",
)


@dataclass(slots=True)
class Answer:
    """The first and only answer to (tenant, source, id), as the idempotency table keeps it."""

    key: bytes
    digest: bytes
    status: Status
    subject: str | None
    places: list[Place] = field(default_factory=list)
    errors: tuple[FieldError, ...] = ()
    rejection_id: str | None = None

    def result(self, source: str | None, event_id: str | None, status: Status, causation_id: str) -> Result:
        """What the sender of (source, id) is told; call it when the facts have their places."""
        refused = bool(self.errors)
        return Result(
            source=source,
            id=event_id,
            status=status,
            subject=self.subject,
            causation_id=causation_id,
            facts=self.places,
            rejection_id=self.rejection_id if refused and self.rejection_id is not None else UNSET,
            errors=self.errors if refused else UNSET,
        )


@dataclass(slots=True)
class Settled:
    """One arrival with its answer. `status` differs from the answer's when it is a repeat."""

    arrival: Arrival
    status: Status
    answer: Answer

    def result(self) -> Result:
        """What the sender is told; call it when the facts have their places."""
        arrival = self.arrival
        return self.answer.result(arrival.source, arrival.id, self.status, arrival.causation_id)


@dataclass(frozen=True, slots=True)
class Pending:
    """A fact that waits for its seal and its place, with the event that caused it."""

    settled: Settled
    new: NewFact
    is_new_year: bool


@dataclass(slots=True)
class Batch:
    """All that one transaction will write. `now` is the time that new ids are of."""

    now: datetime
    settled: list[Settled] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    rejected: list[Settled] = field(default_factory=list)


def settle(
    arrivals: Sequence[Arrival],
    known: Mapping[bytes, Answer],
    tenants: Mapping[str, TenantBatch],
    *,
    now: datetime,
) -> Batch:
    """Decides `arrivals` in their order. `known` are the answers that were given before this batch."""
    batch = Batch(now)
    answered = dict(known)
    for arrival in arrivals:
        key = arrival.key
        first = answered.get(key) if key is not None else None
        if first is not None:
            if first.digest == arrival.digest:
                batch.settled.append(Settled(arrival, "duplicate", first))
            else:
                _reject(batch, arrival, None, (ID_REUSED,))
            continue
        if arrival.command is None:
            answer = _reject(batch, arrival, None, arrival.errors)
        else:
            answer = _decide(batch, arrival, arrival.command, tenants[arrival.tenant])
        if key is not None:
            answered[key] = answer
            batch.answers.append(answer)
    return batch


def _decide(batch: Batch, arrival: Arrival, command: Command, tenant: TenantBatch) -> Answer:
    state = tenant.state
    student_id = ""
    if isinstance(command, RegisterStudent):
        assert arrival.lookup is not None
        student_id = tenant.students.get(arrival.lookup) or uuid7(batch.now)
    outcome = decide(state, command, student_id=student_id, fingerprint=arrival.fingerprint)
    if isinstance(outcome, Refused):
        return _reject(
            batch, arrival, outcome.subject if _exists(state.students, student_id) else None, outcome.errors
        )
    answer = Answer(arrival.key or b"", arrival.digest, "unchanged", outcome.subject)
    settled = Settled(arrival, "unchanged", answer)
    batch.settled.append(settled)
    match outcome:
        case Unchanged():
            return answer
        case Accepted():
            settled.status = answer.status = "accepted"
        case _:
            assert_never(outcome)
    if isinstance(command, RegisterStudent) and arrival.lookup is not None:
        tenant.students[arrival.lookup] = student_id
        student = state.students.get(student_id)
        is_new_year = student is None or command.year not in student.years
    else:
        is_new_year = False
    for new in outcome.facts:
        batch.pending.append(Pending(settled, new, is_new_year))
        evolve(state, new)
    return answer


def _reject(batch: Batch, arrival: Arrival, subject: str | None, errors: tuple[FieldError, ...]) -> Answer:
    answer = Answer(arrival.key or b"", arrival.digest, "rejected", subject, [], errors, uuid7(batch.now))
    settled = Settled(arrival, "rejected", answer)
    batch.settled.append(settled)
    batch.rejected.append(settled)
    return answer


def _exists(students: Mapping[str, object], student_id: str) -> bool:
    return not student_id or student_id in students
