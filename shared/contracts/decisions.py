"""Decisions: what allocation decided, under `rahnama.allocation.`."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

ALLOCATION_SOURCE: Final = "allocation"

AssignmentReason = Literal[
    "registered", "changed", "waitlist", "mentor", "directive", "recourse", "rebalance"
]

RULES: Final = (
    "GENDER_MATCH",
    "GROUP_ALLOWED",
    "CENTER_ALLOWED",
    "REG_STATUS_ALLOWED",
    "CAPACITY_AVAILABLE",
    "SCHOOL_TYPE_COMPATIBLE",
    "GRADUATE_NOT_TO_SCHOOL",
    "MANAGER_CENTER_GATE",
)
"""The eligibility rules of engine 1 in the order in which they are applied."""
RULES_OF: Final[Mapping[int, tuple[str, ...]]] = {1: RULES}
"""By engine: the codes of its rules, which are the keys of its funnels, in their order."""


class Rank(msgspec.Struct, frozen=True, gc=False):
    """How full the chosen mentor was before the assignment."""

    load: int
    capacity: int


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A mentor that was eligible too, and how full it was."""

    mentor_id: int
    load: int
    capacity: int


class StudentAssigned(msgspec.Struct, frozen=True, kw_only=True):
    """`rahnama.allocation.student.assigned.v1`.

    `counter` is null only when the pool's 9999 counters of the year are used up, and then `counter_status`
    says `COUNTER_EXHAUSTED`. `candidates` counts the eligible mentors, the chosen one included;
    `next_best` holds at most three, best first.
    """

    year: int
    student_id: str
    version: int
    policy: str
    engine: int
    mentor_id: int
    counter: str | None
    counter_status: Literal["COUNTER_EXHAUSTED"] | None
    rank: Rank
    candidates: int
    next_best: list[Candidate]
    reason: AssignmentReason
    previous_mentor_id: int | None


class StudentWaitlisted(msgspec.Struct, frozen=True, kw_only=True):
    """`rahnama.allocation.student.waitlisted.v1`.

    `funnel` tells for each rule, in order, how many mentors remained after it; `reason` is the rule after
    which none did.
    """

    year: int
    student_id: str
    version: int
    policy: str
    engine: int
    reason: str
    funnel: dict[str, int]


class StudentReleased(msgspec.Struct, frozen=True, kw_only=True):
    """`rahnama.allocation.student.released.v1`: the place with `previous_mentor_id` was given back."""

    year: int
    student_id: str
    version: int
    policy: str
    engine: int
    reason: str
    previous_mentor_id: int


class StudentWithdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """`rahnama.allocation.student.withdrawn.v1`: the enrolment of that year has ended."""

    year: int
    student_id: str
    version: int
    policy: str
    engine: int
    reason: str
    previous_mentor_id: int | None


Decision = StudentAssigned | StudentWaitlisted | StudentReleased | StudentWithdrawn

DECISION_TYPES: Final[dict[str, type[Decision]]] = {
    "rahnama.allocation.student.assigned.v1": StudentAssigned,
    "rahnama.allocation.student.waitlisted.v1": StudentWaitlisted,
    "rahnama.allocation.student.released.v1": StudentReleased,
    "rahnama.allocation.student.withdrawn.v1": StudentWithdrawn,
}
DECISION_NAMES: Final[dict[type[Decision], str]] = {shape: name for name, shape in DECISION_TYPES.items()}

_decoders: Final = {name: msgspec.json.Decoder(shape) for name, shape in DECISION_TYPES.items()}


def decode_decision(type_name: str, data: bytes | msgspec.Raw) -> Decision:
    """The decision of an event's type and data. Raises `KeyError` for an unknown type, `msgspec.DecodeError`."""
    decision: Decision = _decoders[type_name].decode(data)
    return decision
