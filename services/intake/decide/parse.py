"""From an inbound event to a command, or to everything that is wrong with it."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from msgspec import UNSET

from services.intake.decide import enumerations, normalise
from services.intake.decide.birth_date import birth_date
from services.intake.decide.commands import (
    Command,
    PersonalManager,
    PersonalMentor,
    PersonalStudent,
    PublishSchoolRoster,
    RegisterManager,
    RegisterMentor,
    RegisterStudent,
)
from services.intake.decide.events import InboundEvent
from services.intake.decide.normalise import Invalid
from services.intake.decide.problems import (
    ATTRIBUTE_INVALID,
    ATTRIBUTE_MISSING,
    GROUP_NOT_FOR_GRADUATE,
    INVALID,
    MISSING,
    TYPE_UNKNOWN,
)
from services.intake.decide.tenant_rules import DEFAULT_RULES, TenantRules
from shared.errors import FieldError

DEFAULT_CAPACITY: Final = 60
FIRST_YEAR: Final = 1300
LAST_YEAR: Final = 1500
MAX_SET: Final = 1_000
"""Most groups, centres or schools of one mentor or manager."""
MAX_ROSTER: Final = 100_000
"""Most schools of a roster."""

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")
_GRADUATE: Final = 0

Errors = tuple[FieldError, ...]


class _Field(NamedTuple):
    """A field of `data`: how it is read when it is not null, and whether it may be null or absent."""

    name: str
    read: Callable[[object], Any]
    required: bool = False


def parse(event: InboundEvent, rules: TenantRules = DEFAULT_RULES) -> Command | Errors:
    """The command that `event` asks for, normalised; or all its errors, at least one. Never raises."""
    parser = _PARSERS.get(event.type)
    if parser is None:
        return (TYPE_UNKNOWN,)
    data = event.data
    if not isinstance(data, dict):
        return ((ATTRIBUTE_MISSING if data is UNSET or data is None else ATTRIBUTE_INVALID)["data"],)
    return parser(data, event.occurred_at, rules)


def _year(value: object) -> int:
    return normalise.integer(value, FIRST_YEAR, LAST_YEAR)


def _center(value: object) -> int:
    return normalise.integer(value, 0)


def _capacity(value: object) -> int:
    return normalise.integer(value, 0)


def _email(value: object) -> str | None:
    written = normalise.text(value)
    if written and _EMAIL.fullmatch(written) is None:
        raise Invalid
    return written or None


def _small_set(value: object) -> tuple[int, ...]:
    return normalise.integers(value, MAX_SET)


def _centers(value: object) -> tuple[int, ...]:
    return normalise.integers(value, MAX_SET, least=0)


def _roster(value: object) -> tuple[int, ...]:
    return normalise.integers(value, MAX_ROSTER)


_STUDENT: Final = (
    _Field("year", _year, required=True),
    _Field("national_id", normalise.national_id, required=True),
    _Field("first_name", normalise.required_text, required=True),
    _Field("last_name", normalise.required_text, required=True),
    _Field("father_name", normalise.optional_text),
    _Field("birth_date", birth_date),
    _Field("gender", enumerations.gender, required=True),
    _Field("edu_status", enumerations.edu_status, required=True),
    _Field("reg_center", _center, required=True),
    _Field("reg_status", enumerations.reg_status, required=True),
    _Field("group_code", normalise.integer, required=True),
    _Field("school_code", normalise.optional_integer),
    _Field("mobile", normalise.mobile),
)
_MENTOR: Final = (
    _Field("mentor_id", normalise.integer, required=True),
    _Field("name", normalise.optional_text),
    _Field("mobile", normalise.mobile),
    _Field("gender", enumerations.gender, required=True),
    _Field("type", enumerations.mentor_type, required=True),
    _Field("capacity", _capacity),
    _Field("active", normalise.boolean),
    _Field("alias_code", normalise.optional_text),
    _Field("manager_id", normalise.integer),
    _Field("groups", _small_set, required=True),
    _Field("centers", _centers, required=True),
)
_SCHOOLS: Final = (_Field("schools", _small_set, required=True),)
_MANAGER: Final = (
    _Field("manager_id", normalise.integer, required=True),
    _Field("full_name", normalise.optional_text),
    _Field("email", _email),
    _Field("phone", normalise.optional_text),
    _Field("is_active", normalise.boolean, required=True),
    _Field("centers", _centers, required=True),
)
_ROSTER: Final = (
    _Field("year", _year, required=True),
    _Field("school_codes", _roster, required=True),
)


def _values(data: Mapping[str, object], fields: tuple[_Field, ...], errors: list[FieldError]) -> list[Any]:
    """The fields' values, None where there is none or it is not valid; what is wrong goes to `errors`."""
    values = []
    for name, read, required in fields:
        value: Any = data.get(name)
        if value is not None:
            try:
                value = read(value)
            except Invalid:
                errors.append(INVALID[name])
                value = None
        elif required:
            errors.append(MISSING[name])
        values.append(value)
    return values


def _student(data: Mapping[str, object], occurred_at: str | None, rules: TenantRules) -> Command | Errors:
    errors: list[FieldError] = []
    (
        year, national_id, first_name, last_name, father_name, born, gender, edu_status, reg_center,
        reg_status, group_code, school_code, mobile,
    ) = _values(data, _STUDENT, errors)  # fmt: skip
    if reg_center is not None and reg_center not in rules.centers:
        errors.append(INVALID["reg_center"])
    if group_code is not None and group_code not in rules.groups:
        if group_code not in rules.student_groups:
            errors.append(INVALID["group_code"])
        elif edu_status == _GRADUATE:
            errors.append(GROUP_NOT_FOR_GRADUATE)
    if errors:
        return tuple(errors)
    return RegisterStudent(
        occurred_at=occurred_at,
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


def _mentor(data: Mapping[str, object], occurred_at: str | None, rules: TenantRules) -> Command | Errors:
    errors: list[FieldError] = []
    mentor_id, name, mobile, gender, kind, capacity, active, alias_code, manager_id, groups, centers = (
        _values(data, _MENTOR, errors)
    )
    if groups is not None and not (groups and rules.all_groups.issuperset(groups)):
        errors.append(INVALID["groups"])
    if centers is not None and not (centers and rules.centers.issuperset(centers)):
        errors.append(INVALID["centers"])
    schools: tuple[int, ...] | None = ()
    if kind == "school":  # those of a normal mentor mean nothing, so they are not even read
        (schools,) = _values(data, _SCHOOLS, errors)
        if schools == ():
            errors.append(INVALID["schools"])
    if errors:
        return tuple(errors)
    return RegisterMentor(
        occurred_at=occurred_at,
        mentor_id=mentor_id,
        gender=gender,
        type=kind,
        capacity=DEFAULT_CAPACITY if capacity is None else capacity,
        active=True if active is None else active,
        alias_code=alias_code,
        manager_id=manager_id,
        groups=groups,
        centers=centers,
        schools=schools or (),
        personal=PersonalMentor(name=name, mobile=mobile),
    )


def _manager(data: Mapping[str, object], occurred_at: str | None, rules: TenantRules) -> Command | Errors:
    errors: list[FieldError] = []
    manager_id, full_name, email, phone, is_active, centers = _values(data, _MANAGER, errors)
    if centers is not None and not rules.centers.issuperset(centers):
        errors.append(INVALID["centers"])
    if errors:
        return tuple(errors)
    return RegisterManager(
        occurred_at=occurred_at,
        manager_id=manager_id,
        is_active=is_active,
        centers=centers,
        personal=PersonalManager(full_name=full_name, email=email, phone=phone),
    )


def _school_roster(data: Mapping[str, object], occurred_at: str | None, _: TenantRules) -> Command | Errors:
    errors: list[FieldError] = []
    year, school_codes = _values(data, _ROSTER, errors)
    if errors:
        return tuple(errors)
    return PublishSchoolRoster(occurred_at=occurred_at, year=year, school_codes=school_codes)


_Parser = Callable[[Mapping[str, object], str | None, TenantRules], Command | Errors]
_PARSERS: Final[Mapping[str, _Parser]] = {
    "rahnama.student.registered.v1": _student,
    "rahnama.mentor.registered.v1": _mentor,
    "rahnama.manager.registered.v1": _manager,
    "rahnama.school-roster.published.v1": _school_roster,
}
INBOUND_TYPES: Final = frozenset(_PARSERS)
"""The inbound types that this release accepts."""
