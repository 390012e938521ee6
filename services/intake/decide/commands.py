"""What upstream asks for, normalised and valid. Personal fields stand apart, so that they are sealed as one.

Every command has, as constants or properties: `subject` (None for a student, whose pseudonym it does not know),
`national_id` of the student that it is about, `personal`, the `centers` that it names, and of its transaction whether it
`creates_student`, `moves_references` (what other subjects' facts are made of) and `rederives` a year's students.
"""

from typing import ClassVar, Literal

import msgspec


class _Private(msgspec.Struct, frozen=True, gc=False):
    """Shows no field when it is printed, so that none gets into a log or a failure's report."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class PersonalStudent(_Private, frozen=True, kw_only=True, gc=False):
    """A student's personal data. `birth_date` is a Gregorian ISO date, `mobile` `09` and nine digits."""

    national_id: str
    first_name: str
    last_name: str
    father_name: str | None
    birth_date: str | None
    mobile: str | None


class PersonalMentor(_Private, frozen=True, kw_only=True, gc=False):
    """A mentor's personal data."""

    name: str | None
    mobile: str | None


class PersonalManager(_Private, frozen=True, kw_only=True, gc=False):
    """A manager's personal data."""

    full_name: str | None
    email: str | None
    phone: str | None


Personal = PersonalStudent | PersonalMentor | PersonalManager


class _Command(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    creates_student: ClassVar[bool] = False
    moves_references: ClassVar[bool] = False
    rederives: ClassVar[bool] = False


class RegisterStudent(_Command, frozen=True, kw_only=True, gc=False):
    """A student's whole state of one academic year. `occurred_at` is upstream's time (RFC 3339, UTC)."""

    occurred_at: str | None
    year: int
    gender: int
    edu_status: int
    reg_center: int
    reg_status: int
    group_code: int
    school_code: int | None
    personal: PersonalStudent

    creates_student: ClassVar[bool] = True
    subject: ClassVar[None] = None

    @property
    def national_id(self) -> str:
        """Who the student is."""
        return self.personal.national_id

    @property
    def centers(self) -> tuple[int, ...]:
        """The one that the student is registered at."""
        return (self.reg_center,)


class WithdrawStudent(_Private, _Command, frozen=True, kw_only=True, gc=False):
    """The end of a student's enrolment in one academic year. Upstream's own words for it are not kept."""

    occurred_at: str | None
    year: int
    national_id: str

    subject: ClassVar[None] = None
    personal: ClassVar[None] = None
    centers: ClassVar[tuple[int, ...]] = ()


class RegisterMentor(_Command, frozen=True, kw_only=True):
    """A mentor's whole state. The sets are sorted and without repeats; `schools` of a normal mentor is empty."""

    occurred_at: str | None
    mentor_id: int
    gender: int
    type: Literal["normal", "school"]
    capacity: int
    active: bool
    alias_code: str | None
    manager_id: int | None
    groups: tuple[int, ...]
    centers: tuple[int, ...]
    schools: tuple[int, ...]
    personal: PersonalMentor

    national_id: ClassVar[None] = None

    @property
    def subject(self) -> str:
        """`mentor/<id>`."""
        return f"mentor/{self.mentor_id}"


class RegisterManager(_Command, frozen=True, kw_only=True):
    """A manager's whole state."""

    occurred_at: str | None
    manager_id: int
    is_active: bool
    centers: tuple[int, ...]
    personal: PersonalManager

    moves_references: ClassVar[bool] = True
    national_id: ClassVar[None] = None

    @property
    def subject(self) -> str:
        """`manager/<id>`."""
        return f"manager/{self.manager_id}"


class PublishSchoolRoster(_Command, frozen=True, kw_only=True):
    """The special schools of a year, sorted and without repeats."""

    occurred_at: str | None
    year: int
    school_codes: tuple[int, ...]

    moves_references: ClassVar[bool] = True
    rederives: ClassVar[bool] = True
    national_id: ClassVar[None] = None
    personal: ClassVar[None] = None
    centers: ClassVar[tuple[int, ...]] = ()

    @property
    def subject(self) -> str:
        """`school-roster/<year>`."""
        return f"school-roster/{self.year}"


Command = RegisterStudent | WithdrawStudent | RegisterMentor | RegisterManager | PublishSchoolRoster
