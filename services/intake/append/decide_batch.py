"""A batch in memory: the events as they come to the writer, and what is decided on them, in their order.

An event is opened, normalised, and named by its digests. A repeat is answered from the first answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, assert_never

import msgspec

from services.intake.append.idempotency import Answer, Result, Status
from services.intake.crypto.sealing import uuid7
from services.intake.decide.commands import Command
from services.intake.decide.messages import FACTS, decide, evolve
from services.intake.decide.outcomes import Accepted, NewFact, Refused, Unchanged
from services.intake.decide.state import Roster, State
from shared.errors import FieldError

Door = Literal["http", "kafka"]
ID_REUSED: Final = FieldError(
    "/id",
    "ID_REUSED",
    "This source and id were used for another content.",
    "این شناسه پیش‌تر با محتوای دیگری آمده است.",
)


class ReceivedEvent(msgspec.Struct, kw_only=True):
    """One event. Either `command` is what it asks for, or `errors` are why it is refused.

    `key` is its idempotency key, None when the event has no valid source and id. `lookup` is the HMAC of the
    national ID, where one could be read. `raw` is kept, sealed, when it is refused; `partition` and `offset`
    are those of `rahnama.inbound`. `centers` are those that the event names readably.
    """

    tenant: str
    source: str | None
    id: str | None
    key: bytes | None
    causation_id: str
    digest: bytes
    type: str | None
    command: Command | None
    errors: tuple[FieldError, ...]
    lookup: bytes | None
    fingerprint: bytes
    traceparent: str | None
    raw: bytes
    door: Door
    centers: tuple[int, ...] = ()
    partition: int | None = None
    offset: int | None = None


class Settled(msgspec.Struct):
    """One arrival with its answer. `status` differs from the answer's when it is a repeat."""

    arrival: ReceivedEvent
    status: Status
    answer: Answer

    def result(self) -> Result:
        """The answer to the sender; call it when the facts have their places."""
        arrival = self.arrival
        return self.answer.result(arrival.source, arrival.id, self.status, arrival.causation_id)


class Pending(msgspec.Struct, frozen=True):
    """A fact that waits for its seal and its place, with the event that caused it.

    `is_first`: of its subject, or of a student's year, none was accepted before.
    """

    settled: Settled
    new: NewFact
    is_first: bool

    @property
    def is_own(self) -> bool:
        """Whether it is about the event's own subject."""
        return self.new.subject == self.settled.answer.subject


@dataclass(frozen=True, slots=True)
class Rederival:
    """A roster that was published: the students of its year are to be looked at again."""

    settled: Settled
    year: int
    roster: Roster


@dataclass(slots=True)
class TenantBatch:
    """One tenant's part of a batch: its state, and which pseudonym each look-up (HMAC) has."""

    state: State
    students: dict[bytes, str] = field(default_factory=dict)


@dataclass(slots=True)
class Decided:
    """What a part of a batch leads to, in this order."""

    pending: list[Pending] = field(default_factory=list)
    rederivals: list[Rederival] = field(default_factory=list)


@dataclass(slots=True)
class Batch:
    """All that one transaction will answer. `now` is the time that new ids are of.

    `answered` starts as the answers that were given before.
    """

    now: datetime
    answered: dict[bytes, Answer]
    settled: list[Settled] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    rejected: list[Settled] = field(default_factory=list)

    def unanswered(self, arrivals: Sequence[ReceivedEvent]) -> list[ReceivedEvent]:
        """Those that are to be decided."""
        return [item for item in arrivals if item.key is None or item.key not in self.answered]


def decide_batch(
    batch: Batch, arrivals: Sequence[ReceivedEvent], tenants: Mapping[str, TenantBatch]
) -> Decided:
    """Decides `arrivals` in their order on `tenants`, which hold all that they need."""
    part = Decided()
    answered = batch.answered
    for arrival in arrivals:
        key = arrival.key
        first = answered.get(key) if key is not None else None
        if first is not None:
            if first.is_repeated_by(arrival.digest):
                batch.settled.append(Settled(arrival, "duplicate", first))
            else:
                _reject(batch, arrival, None, (ID_REUSED,))
            continue
        if arrival.command is None:
            answer = _reject(batch, arrival, None, arrival.errors)
        else:
            answer = _decide(batch, part, arrival, arrival.command, tenants[arrival.tenant])
        if key is not None:
            answered[key] = answer
            batch.answers.append(answer)
    return part


def _decide(
    batch: Batch, part: Decided, arrival: ReceivedEvent, command: Command, tenant: TenantBatch
) -> Answer:
    state = tenant.state
    student_id = ""
    if command.national_id is not None:
        assert arrival.lookup is not None
        student_id = tenant.students.get(arrival.lookup, "")
        if not student_id and command.creates_student:
            student_id = tenant.students[arrival.lookup] = uuid7(batch.now)
    outcome = decide(state, command, student_id=student_id, fingerprint=arrival.fingerprint)
    if isinstance(outcome, Refused):
        return _reject(batch, arrival, outcome.subject, outcome.errors)
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
    for new in outcome.facts:
        part.pending.append(Pending(settled, new, FACTS[type(new.fact)].is_first(state, new.fact)))
        evolve(state, new)
    if outcome.rederives is not None:
        part.rederivals.append(Rederival(settled, outcome.rederives, state.rosters[outcome.rederives]))
    return answer


def _reject(
    batch: Batch, arrival: ReceivedEvent, subject: str | None, errors: tuple[FieldError, ...]
) -> Answer:
    answer = Answer(arrival.key or b"", arrival.digest, "rejected", subject, [], errors, uuid7(batch.now))
    settled = Settled(arrival, "rejected", answer)
    batch.settled.append(settled)
    batch.rejected.append(settled)
    return answer
