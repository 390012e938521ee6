"""What a decision comes to."""

from dataclasses import dataclass

from shared.contracts.facts import Fact
from shared.errors import FieldError


@dataclass(frozen=True, slots=True)
class NewFact:
    """A fact that is not in the log yet, with its place. `fact.sealed` is empty until `with_seal`.

    `fingerprint` is that of the personal fields, and goes to the projection with the fact.
    """

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
