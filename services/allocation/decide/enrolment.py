"""A student in one academic year of a pool, as far as decisions and the read model need it; and the student's counter.

A counter is `YY`, 373 for girls or 357 for boys, and four digits from 0001.
"""

import re
from functools import lru_cache
from typing import Any, Final, Literal, Self, TypeVar, cast

import msgspec

from services.allocation.decide.policy import DEFAULT_POLICY
from shared.contracts.facts import StudentRegistered

PREFIXES: Final = ("373", "357")
"""By gender: 0 female, 1 male."""
LAST_NUMBER: Final = 9999
_is_counter: Final = re.compile(r"[0-9]{2}(?:373|357)[0-9]{4}").fullmatch


def counter_of(year: int, gender: int, number: int) -> str:
    """The counter of a number from 1 to 9999 in the pool's sequence of that year."""
    return _beginning(year, gender) + str(number).zfill(4)


def number_of(counter: str) -> int:
    """A counter's place in its sequence. Raises `ValueError` for what is no counter."""
    if _is_counter(counter) is None:
        raise ValueError(f"{counter!r} is no counter")
    return int(counter[5:])


def next_counter(year: int, gender: int, last: int) -> str | None:
    """The counter after number `last`; None when the year's sequence is used up."""
    return counter_of(year, gender, last + 1) if last < LAST_NUMBER else None


@lru_cache(maxsize=64)
def _beginning(year: int, gender: int) -> str:
    return f"{year % 100:02d}{PREFIXES[gender]}"


Status = Literal["undecided", "assigned", "waitlisted", "released", "withdrawn"]
"""`undecided` and `released` last from one step to the next: after its fact a student has an outcome."""


class Traits(msgspec.Struct, frozen=True, gc=False):
    """What the rules ask of a student: as its latest fact of the year says it."""

    reg_center: int
    group_code: int
    reg_status: int
    edu_status: int
    school_code: int | None
    student_type: int

    @classmethod
    def of(cls, fact: StudentRegistered) -> Self:
        """Those of a fact."""
        return cls(
            reg_center=fact.reg_center,
            group_code=fact.group_code,
            reg_status=fact.reg_status,
            edu_status=fact.edu_status,
            school_code=fact.school_code,
            student_type=fact.student_type,
        )


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
    traits: Traits
    reason: str
    cause_sequence: int
    decided_at: str
    policy: str = DEFAULT_POLICY.version
    stored: bool = False

    def share(self) -> None:
        """Lets the student's values be the very objects that others have too: it may stay in memory for months."""
        self.tenant = _shared(self.tenant)
        self.year = _shared(self.year)
        self.status = _shared(self.status)
        self.traits = _shared(self.traits)
        self.reason = _shared(self.reason)
        self.decided_at = _shared(self.decided_at)
        self.policy = _shared(self.policy)
        if self.cause_sequence == self.arrival:
            self.cause_sequence = self.arrival


Value = TypeVar("Value")
SHARED_VALUES: Final = 4_096
"""So many different ones are known at once; who waits has few in common with those of long ago."""


@lru_cache(maxsize=SHARED_VALUES)
def _one_of_equals(value: Any) -> Any:
    return value


def _shared(value: Value) -> Value:
    """The first of the equal values that came lately: every record and every row brings objects of its own."""
    return cast(Value, _one_of_equals(value))
