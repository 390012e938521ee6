"""`rahnama.student.registered.v1`: a student's whole state of one academic year; also moved between the pools."""

from collections.abc import Mapping
from typing import ClassVar, Final

from services.intake.decide import normalise
from services.intake.decide.birth_date import birth_date
from services.intake.decide.commands import Personal, StudentCommand
from services.intake.decide.fields import (
    GENDER,
    MOBILE,
    NATIONAL_ID,
    REG_CENTER,
    YEAR,
    edu_status,
    field,
    reg_status,
    values_of,
)
from services.intake.decide.message import CommandType, Errors, FactType, Given, Identity
from services.intake.decide.outcomes import Accepted, NewFact, Unchanged
from services.intake.decide.problems import GROUP_NOT_FOR_GRADUATE
from services.intake.decide.state import ROSTERS, Needs, Roster, State, Student, StudentYear
from services.intake.decide.student_withdrawn import withdrawn
from shared.contracts.facts import FACT_NAMES, StudentRegistered
from shared.contracts.partitions import pool_partition
from shared.errors import FieldError

_GRADUATE: Final = 0
_REGISTERED: Final = FACT_NAMES[StudentRegistered]

BIRTH_DATE: Final = field("birth_date", birth_date, ("a date from 1920-01-01 to today, 2006-07-03 or 1385/04/12, or null", "تاریخ تولد", "تاریخی از ۱۲۹۸/۱۰/۱۰ تا امروز، مانند ۱۳۸۵/۰۴/۱۲، یا خالی"))  # fmt: skip
GROUP_CODE: Final = field("group_code", normalise.integer, ("one of the tenant's group codes", "کد گروه", "یکی از کدهای گروه تعریف‌شده"), required=True, is_number=True)  # fmt: skip
FIELDS: Final = (
    YEAR,
    NATIONAL_ID,
    field("first_name", normalise.name, ("text of 1 to 256 characters with at least one letter", "نام", "متنی از ۱ تا ۲۵۶ نویسه با دست کم یک حرف"), required=True),
    field("last_name", normalise.name, ("text of 1 to 256 characters with at least one letter", "نام خانوادگی", "متنی از ۱ تا ۲۵۶ نویسه با دست کم یک حرف"), required=True),
    field("father_name", normalise.optional_name, ("text of at most 256 characters with at least one letter, or null", "نام پدر", "متنی تا ۲۵۶ نویسه با دست کم یک حرف، یا خالی")),
    BIRTH_DATE,
    GENDER,
    field("edu_status", edu_status, ("0 (graduate) or 1 (studying)", "وضعیت تحصیلی", "۰ (فارغ‌التحصیل) یا ۱ (محصل)"), required=True, is_number=True),
    REG_CENTER,
    field("reg_status", reg_status, ("0 (normal), 1 (Bonyad) or 3 (Hekmat)", "وضعیت ثبت نام", "۰ (عادی)، ۱ (بنیاد) یا ۳ (حکمت)"), required=True, is_number=True),
    GROUP_CODE,
    field("school_code", normalise.optional_integer, ("a positive whole number, or null", "کد مدرسه", "عدد صحیح مثبت، یا خالی"), is_number=True),
    MOBILE,
)  # fmt: skip


class PersonalStudent(Personal, frozen=True, kw_only=True, gc=False):
    """A student's personal data. `birth_date` is a Gregorian ISO date, `mobile` `09` and nine digits."""

    national_id: str
    first_name: str
    last_name: str
    father_name: str | None
    birth_date: str | None
    mobile: str | None


class RegisterStudent(StudentCommand, frozen=True, kw_only=True, gc=False):
    """A student's whole state of one academic year. `occurred_at` is upstream's time (RFC 3339, UTC)."""

    gender: int
    edu_status: int
    reg_center: int
    reg_status: int
    group_code: int
    school_code: int | None
    personal: PersonalStudent

    creates_student: ClassVar[bool] = True

    @property
    def national_id(self) -> str:
        """Who the student is."""
        return self.personal.national_id

    @property
    def centers(self) -> tuple[int, ...]:
        """The one that the student is registered at."""
        return (self.reg_center,)


def parse(data: Mapping[str, object], given: Given) -> RegisterStudent | Errors:
    """The command, normalised."""
    rules = given.rules
    errors: list[FieldError] = []
    (
        year, national_id, first_name, last_name, father_name, born, gender, edu_status, reg_center,
        reg_status, group_code, school_code, mobile,
    ) = values_of(data, FIELDS, errors)  # fmt: skip
    if born is not None and born > given.today:
        errors.append(BIRTH_DATE.invalid)
    if reg_center is not None and reg_center not in rules.centers:
        errors.append(REG_CENTER.invalid)
    if group_code is not None and group_code not in rules.groups:
        if group_code not in rules.student_groups:
            errors.append(GROUP_CODE.invalid)
        elif edu_status == _GRADUATE:
            errors.append(GROUP_NOT_FOR_GRADUATE)
    if errors:
        return tuple(errors)
    return RegisterStudent(
        occurred_at=given.occurred_at,
        year=year,
        gender=gender,
        edu_status=edu_status,
        reg_center=reg_center,
        reg_status=reg_status,
        group_code=group_code,
        school_code=school_code,
        personal=PersonalStudent(
            national_id=national_id,
            first_name=first_name,
            last_name=last_name,
            father_name=father_name,
            birth_date=born,
            mobile=mobile,
        ),
    )


def student_type(roster: Roster | None, school_code: int | None) -> int:
    """1 when the school is in the year's roster, else 0; there may be neither."""
    return int(roster is not None and school_code is not None and school_code in roster.school_codes)


def needs(command: RegisterStudent, wanted: Needs) -> None:
    """The year's roster, which determines the type of the student."""
    wanted.references[ROSTERS].add(command.year)


def decide(state: State, command: RegisterStudent, identity: Identity) -> Accepted | Unchanged:
    """The year's new state; with another gender than before, the move of every year to the other pool."""
    student_id, fingerprint = identity
    known = state.students.get(student_id)
    kind = student_type(state.rosters.get(command.year), command.school_code)
    year = _year(command, kind, fingerprint)
    subject = f"student/{student_id}"
    if known is not None and known.gender != command.gender:
        return Accepted(subject, _move(state, command, student_id, known, year))
    if known is not None and known.years.get(command.year) == year:
        return Unchanged(subject)
    version = 1 if known is None else known.version + 1
    fact = _fact(version, command.occurred_at, command.year, student_id, command.gender, year)
    partition = pool_partition(state.tenant, command.gender, state.partitions)
    return Accepted(subject, (NewFact(_REGISTERED, subject, partition, fact, fingerprint),))


def _move(
    state: State, command: RegisterStudent, student_id: str, known: Student, new: StudentYear
) -> tuple[NewFact, ...]:
    """Out of the old pool and into the new one, year by year; a year that was withdrawn is in neither."""
    subject, gender, version = f"student/{student_id}", command.gender, known.version
    partition = pool_partition(state.tenant, gender, state.partitions)
    facts = []
    for number in sorted(known.years.keys() | {command.year}):
        before = known.years.get(number)
        if before is not None and not before.is_withdrawn:
            version += 1
            facts.append(
                withdrawn(state, version, command.occurred_at, number, student_id, known.gender, "moved")
            )
        elif number != command.year:
            continue
        after = new if number == command.year or before is None else before
        version += 1
        fact = _fact(version, command.occurred_at, number, student_id, gender, after)
        facts.append(
            NewFact(
                _REGISTERED, subject, partition, fact, after.fingerprint, keeps_seal=number != command.year
            )
        )
    return tuple(facts)


def rederived(state: State, student_id: str, year: int, occurred_at: str | None) -> NewFact | None:
    """The fact of a student whose type the roster of `year` has changed at `occurred_at`; None of any other one."""
    known = state.students[student_id]
    before = known.years.get(year)
    if before is None or before.is_withdrawn:
        return None
    now = student_type(state.rosters.get(year), before.school_code)
    if now == before.student_type:
        return None
    after = before._replace(student_type=now)
    fact = _fact(known.version + 1, occurred_at, year, student_id, known.gender, after)
    partition = pool_partition(state.tenant, known.gender, state.partitions)
    return NewFact(_REGISTERED, f"student/{student_id}", partition, fact, before.fingerprint, keeps_seal=True)


def _fact(
    version: int, occurred_at: str | None, year: int, student_id: str, gender: int, known: StudentYear
) -> StudentRegistered:
    return StudentRegistered(
        version=version,
        occurred_at=occurred_at,
        year=year,
        student_id=student_id,
        gender=gender,
        edu_status=known.edu_status,
        reg_center=known.reg_center,
        reg_status=known.reg_status,
        group_code=known.group_code,
        school_code=known.school_code,
        student_type=known.student_type,
        sealed="",
    )


def _year(of: RegisterStudent | StudentRegistered, student_type: int, fingerprint: bytes) -> StudentYear:
    return StudentYear(
        of.edu_status, of.reg_center, of.reg_status, of.group_code, of.school_code, student_type, fingerprint
    )


def evolve(state: State, fact: StudentRegistered, fingerprint: bytes) -> None:
    """The student's year, and the pool that all its years are in."""
    student = state.students.get(fact.student_id)
    if student is None:
        student = state.students[fact.student_id] = Student(fact.version, fact.gender, {})
    student.version = fact.version
    student.gender = fact.gender
    student.years[fact.year] = _year(fact, fact.student_type, fingerprint)


def is_first(state: State, fact: StudentRegistered) -> bool:
    """Whether nothing was accepted of the student in this year."""
    student = state.students.get(fact.student_id)
    return student is None or fact.year not in student.years


COMMAND: Final = CommandType(RegisterStudent, FIELDS, parse, needs, decide)
FACT: Final = FactType(evolve, personal=PersonalStudent, is_first=is_first, of_year=True)
