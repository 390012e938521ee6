"""A student in one academic year of a pool, as far as decisions and the read model need it."""

from typing import Literal

import msgspec

from services.allocation.decide.policy import DEFAULT_POLICY

Status = Literal["undecided", "assigned", "waitlisted", "released", "withdrawn"]
"""`undecided` and `released` last from one step to the next: after its fact a student has an outcome."""


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
    policy: str = DEFAULT_POLICY.version
    engine: int = DEFAULT_POLICY.engine
    pinned: bool = False
    stored: bool = False
