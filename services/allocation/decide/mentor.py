"""A mentor as the decider knows it."""

from collections.abc import Iterable
from typing import Literal, Self

import msgspec

from shared.contracts.facts import MentorRegistered

Codes = tuple[int, ...]
"""Ascending, each once. There are few of them, and a set of ten takes four times the memory."""


def codes(given: Iterable[int]) -> Codes:
    """What was given, in order."""
    return tuple(sorted(set(given)))


class Mentor(msgspec.Struct, frozen=True, kw_only=True):
    """The latest fact of a mentor. `manager_centers` is None without a manager, and empty for an unknown one.

    A mentor has one capacity, applied to each year; its loads are kept in the pool.
    """

    mentor_id: int
    version: int
    type: Literal["normal", "school"]
    capacity: int
    active: bool
    alias_code: str | None
    manager_id: int | None
    manager_centers: Codes | None
    groups: Codes
    centers: Codes
    schools: Codes

    @classmethod
    def of(cls, fact: MentorRegistered) -> Self:
        """The mentor that a fact describes."""
        return cls(
            mentor_id=fact.mentor_id,
            version=fact.version,
            type=fact.type,
            capacity=fact.capacity,
            active=fact.active,
            alias_code=fact.alias_code,
            manager_id=fact.manager_id,
            manager_centers=None if fact.manager_centers is None else codes(fact.manager_centers),
            groups=codes(fact.groups),
            centers=codes(fact.centers),
            schools=codes(fact.schools),
        )

    @property
    def reach(self) -> Codes:
        """The centres whose students the mentor may take: its own, as far as its manager has them too."""
        if self.manager_centers is None:
            return self.centers
        return tuple(center for center in self.centers if center in self.manager_centers)
