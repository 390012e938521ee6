"""A mentor as the decider knows it."""

from typing import Literal, Self

import msgspec

from shared.contracts.facts import MentorRegistered


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
    manager_centers: frozenset[int] | None
    groups: frozenset[int]
    centers: frozenset[int]
    schools: frozenset[int]

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
            manager_centers=None if fact.manager_centers is None else frozenset(fact.manager_centers),
            groups=frozenset(fact.groups),
            centers=frozenset(fact.centers),
            schools=frozenset(fact.schools),
        )

    @property
    def reach(self) -> frozenset[int]:
        """The centres whose students the mentor may take: its own, as far as its manager has them too."""
        if self.manager_centers is None:
            return self.centers
        return self.centers & self.manager_centers
