"""What every projection is given: a fact, where the log holds it, and the fingerprint of what is sealed in it."""

from typing import Generic, NamedTuple, TypeVar

from shared.contracts.facts import Fact

F = TypeVar("F", bound=Fact)


class Placed(NamedTuple, Generic[F]):
    """A fact with its place in the log; of several on one subject in a batch the last."""

    tenant: str
    fact: F
    fingerprint: bytes
    partition: int
    sequence: int
