"""A student in one academic year of a pool, as far as decisions and the read model need it."""

from typing import Final, Literal

import msgspec

Status = Literal["undecided", "assigned", "waitlisted", "released", "withdrawn"]
"""`undecided` and `released` last from one step to the next: after its fact a student has an outcome."""

POLICY: Final = "default"
ENGINE: Final = 1
"""What decides where a tenant has activated no policy."""


class Enrolment(msgspec.Struct, kw_only=True, gc=False):
    """One (year, student) of a pool: the facts of the student and the latest decision on them.

    `version` is the student's latest, also when that fact changed nothing; `arrival` the sequence of the first
    fact of this year. `counter` is the student's own, whichever year gave it. `reason` is that of the latest
    decision (of a waitlisted one: the rule), `cause_sequence` and `decided_at` the place and the time
    (RFC 3339) of the fact that led to it. `stored` says whether the database has a row of it.
    """

    tenant: str
    year: int
    student_id: str
    version: int
    arrival: int
    status: Status
    mentor_id: int | None
    counter: str | None
    reg_center: int
    group_code: int
    reg_status: int
    edu_status: int
    school_code: int | None
    student_type: int
    reason: str
    cause_sequence: int
    decided_at: str
    policy: str = POLICY
    engine: int = ENGINE
    pinned: bool = False
    stored: bool = False
