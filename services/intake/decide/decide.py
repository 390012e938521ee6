"""What a command does to a tenant's state: new facts, nothing, or a refusal."""

from dataclasses import dataclass

import msgspec

from services.intake.decide.commands import Command
from services.intake.decide.state import State
from shared.contracts.facts import Fact
from shared.errors import FieldError


@dataclass(frozen=True, slots=True)
class NewFact:
    """A fact that is not in the log yet, with its place. `fact.sealed` is empty until `with_seal`."""

    type: str
    subject: str
    partition: int
    fact: Fact
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Accepted:
    """The facts to append, in order (one, as long as nothing moves between pools)."""

    subject: str
    facts: tuple[NewFact, ...]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The normalised state equals the present one."""

    subject: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The command is valid by itself, but not on this state; nothing was done."""

    subject: str
    errors: tuple[FieldError, ...]


Outcome = Accepted | Unchanged | Refused


def decide(state: State, command: Command, *, student_id: str = "", fingerprint: bytes = b"") -> Outcome:
    """What `command` does on `state`. Neither is changed.

    `student_id` is the pseudonym of a student command's national ID, a new one if it is unknown;
    `fingerprint` is `digests.fingerprint` of the personal fields (none for a roster).
    """
    raise NotImplementedError


def evolve(state: State, new: NewFact) -> State:
    """`state` with `new` applied, in place: a later command of the batch sees it. Returns `state`."""
    raise NotImplementedError


def with_seal(fact: Fact, sealed: str) -> Fact:
    """`fact` with its personal data, sealed for (tenant, subject, type)."""
    return msgspec.structs.replace(fact, sealed=sealed)
