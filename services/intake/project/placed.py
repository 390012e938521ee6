"""What every projection is given: a fact, where the log holds it, and the fingerprint of what is sealed in it."""

from typing import Generic, NamedTuple, TypeVar

from shared.contracts.facts import Fact

F = TypeVar("F", bound=Fact, covariant=True)


class Placed(NamedTuple, Generic[F]):
    """A fact with its place in the log.

    `is_first` says for certain that the projection has no row for it yet: then it is added by COPY, which is
    faster. Where nobody knows, as in a rebuild, it is left out.
    """

    tenant: str
    fact: F
    fingerprint: bytes
    partition: int
    sequence: int
    is_first: bool = False
