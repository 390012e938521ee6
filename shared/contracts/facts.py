"""Facts: what intake accepted, under `rahnama.intake.`; and how a type's name finds its shape.

A fact carries its subject's whole state. Personal fields are in `sealed` alone (see `docs/events.md`).
"""

from typing import Final, Literal

import msgspec

INTAKE_SOURCE: Final = "intake"


class StudentRegistered(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`rahnama.intake.student.registered.v1`. `student_type` 1: the school is in the year's roster."""

    version: int
    occurred_at: str | None
    year: int
    student_id: str
    gender: int
    edu_status: int
    reg_center: int
    reg_status: int
    group_code: int
    school_code: int | None
    student_type: int
    sealed: str


class StudentWithdrawnFact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`rahnama.intake.student.withdrawn.v1`: that year's enrolment in the pool of `gender` has ended.

    `moved`: the student's gender was corrected, and its next fact of the year stands in the other pool.
    (Allocation's decision on it is `decisions.StudentWithdrawn`.)
    """

    version: int
    occurred_at: str | None
    year: int
    student_id: str
    gender: int
    reason: Literal["withdrawn", "moved"]


class StudentErased(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`rahnama.intake.student.erased.v1`: nobody can tell any more who the student was. It is the last of its facts.

    Every enrolment that had not ended ends: those of `years` (sorted), all in the pool of `gender`.
    """

    version: int
    occurred_at: str | None
    student_id: str
    gender: int
    years: list[int]


class MentorRegistered(msgspec.Struct, frozen=True, kw_only=True):
    """`rahnama.intake.mentor.registered.v1`.

    `manager_centers` is null for a mentor without a manager, and for an unknown or inactive manager an
    empty list; else the centres whose students the manager's mentors may take.
    """

    version: int
    occurred_at: str | None
    mentor_id: int
    gender: int
    type: Literal["normal", "school"]
    capacity: int
    active: bool
    alias_code: str | None
    manager_id: int | None
    manager_centers: list[int] | None
    groups: list[int]
    centers: list[int]
    schools: list[int]
    sealed: str


class ManagerRegistered(msgspec.Struct, frozen=True, kw_only=True):
    """`rahnama.intake.manager.registered.v1`."""

    version: int
    occurred_at: str | None
    manager_id: int
    is_active: bool
    centers: list[int]
    sealed: str


class SchoolRosterPublished(msgspec.Struct, frozen=True, kw_only=True):
    """`rahnama.intake.school-roster.published.v1`. The codes are sorted."""

    version: int
    occurred_at: str | None
    year: int
    school_codes: list[int]


Fact = (
    StudentRegistered
    | StudentWithdrawnFact
    | StudentErased
    | MentorRegistered
    | ManagerRegistered
    | SchoolRosterPublished
)

FACT_TYPES: Final[dict[str, type[Fact]]] = {
    "rahnama.intake.student.registered.v1": StudentRegistered,
    "rahnama.intake.student.withdrawn.v1": StudentWithdrawnFact,
    "rahnama.intake.student.erased.v1": StudentErased,
    "rahnama.intake.mentor.registered.v1": MentorRegistered,
    "rahnama.intake.manager.registered.v1": ManagerRegistered,
    "rahnama.intake.school-roster.published.v1": SchoolRosterPublished,
}
FACT_NAMES: Final[dict[type[Fact], str]] = {shape: name for name, shape in FACT_TYPES.items()}

_decoders: Final = {name: msgspec.json.Decoder(shape) for name, shape in FACT_TYPES.items()}


def decode_fact(type_name: str, data: bytes | msgspec.Raw) -> Fact:
    """The fact of an event's type and data. Raises `KeyError` for an unknown type, `msgspec.DecodeError`."""
    fact: Fact = _decoders[type_name].decode(data)
    return fact
