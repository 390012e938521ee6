"""What a decision comes to."""

import msgspec

from shared.contracts.facts import Fact
from shared.errors import FieldError


class NewFact(msgspec.Struct, frozen=True, gc=False):
    """A fact that is not in the log yet, with its place. `fact.sealed` is empty until it is sealed.

    `fingerprint` is that of the personal fields, and goes to the projection with the fact. `keeps_seal`: the
    personal data are those of the subject's last fact (of that year), and so is the envelope.
    """

    type: str
    subject: str
    partition: int
    fact: Fact
    fingerprint: bytes
    keeps_seal: bool = False


class Accepted(msgspec.Struct, frozen=True):
    """The facts to append, in order: the subject's own, then those of others that it changes.

    After them `student_registered.rederived` decides on each student of `rederives` (a year), in order of arrival: they may
    be too many to be in the state at once.
    """

    subject: str
    facts: tuple[NewFact, ...]
    rederives: int | None = None


class Unchanged(msgspec.Struct, frozen=True):
    """The normalised state equals the present one."""

    subject: str


class Refused(msgspec.Struct, frozen=True):
    """The command is valid by itself, but not on this state; nothing was done. An unknown subject has no name."""

    subject: str | None
    errors: tuple[FieldError, ...]


Outcome = Accepted | Unchanged | Refused
