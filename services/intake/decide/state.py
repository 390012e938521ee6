"""What a tenant's batch is decided on: loaded once, then moved by each accepted fact."""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from shared.contracts.facts import MentorRegistered

MANAGERS: Final = "managers"
ROSTERS: Final = "school_rosters"
"""Tables of which rows are read that others are decided by."""


class StudentYear(NamedTuple):
    """A student's last accepted state of one academic year; `fingerprint` stands for the personal fields.

    One that was withdrawn keeps the state that it left with.
    """

    edu_status: int
    reg_center: int
    reg_status: int
    group_code: int
    school_code: int | None
    student_type: int
    fingerprint: bytes
    is_withdrawn: bool = False


@dataclass(slots=True)
class Student:
    """A known student. `version` counts over all years and pools.

    All years that are not withdrawn are in the pool of `gender`.
    """

    version: int
    gender: int
    years: dict[int, StudentYear]


@dataclass(frozen=True, slots=True)
class Mentor:
    """A known mentor: its last fact (`version`, `occurred_at` and `sealed` are not compared)."""

    fact: MentorRegistered
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Manager:
    """A known manager."""

    version: int
    is_active: bool
    centers: tuple[int, ...]
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Roster:
    """The special schools of a year."""

    version: int
    school_codes: frozenset[int]


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be loaded before a batch of one tenant's commands is decided; students come by identity."""

    mentors: set[int] = field(default_factory=set)
    """Mentor ids whose state is needed."""
    references: dict[str, set[int]] = field(default_factory=partial(defaultdict, set))
    """By table, the ids of managers and the years of rosters whose state is needed."""
    mentors_of: set[int] = field(default_factory=set)
    """Manager ids for which `State.mentors_of` must be complete, and those mentors in `State.mentors`."""


@dataclass(slots=True)
class State:
    """One tenant's state for one batch. What is absent does not exist yet.

    `mentors_of`: manager id → ids of the mentors registered with it; needed only for the managers of `Needs`,
    and complete there.
    """

    tenant: str
    partitions: int
    students: dict[str, Student] = field(default_factory=dict)
    mentors: dict[int, Mentor] = field(default_factory=dict)
    managers: dict[int, Manager] = field(default_factory=dict)
    rosters: dict[int, Roster] = field(default_factory=dict)
    mentors_of: dict[int, set[int]] = field(default_factory=dict)


def manager_centers(manager: Manager | None) -> tuple[int, ...]:
    """The centres whose students a manager's mentors may take: none, if it is unknown or inactive."""
    return manager.centers if manager is not None and manager.is_active else ()
