"""From an inbound event to a command, or to everything that is wrong with it."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from msgspec import UNSET

from services.intake.decide import fields
from services.intake.decide.commands import (
    Command,
    PersonalManager,
    PersonalMentor,
    PersonalStudent,
    PublishSchoolRoster,
    RegisterManager,
    RegisterMentor,
    RegisterStudent,
    WithdrawStudent,
)
from services.intake.decide.events import InboundEvent
from services.intake.decide.problems import (
    ATTRIBUTE_INVALID,
    ATTRIBUTE_MISSING,
    GROUP_NOT_FOR_GRADUATE,
    INVALID,
    type_unknown,
)
from services.intake.decide.spreadsheets import without_leftovers
from services.intake.decide.tenant_rules import DEFAULT_RULES, TenantRules
from shared.errors import FieldError

DEFAULT_CAPACITY: Final = 60
_GRADUATE: Final = 0

Errors = tuple[FieldError, ...]


class Given(NamedTuple):
    """What a type's data is read against, beside itself."""

    occurred_at: str | None
    today: str
    rules: TenantRules


def parse(
    event: InboundEvent,
    today: str,
    rules: TenantRules = DEFAULT_RULES,
    *,
    spreadsheet_leftovers: bool = False,
) -> Command | Errors:
    """The command that `event` asks for, normalised; or all its errors, at least one. Never raises.

    `today` is the date in Tehran, `2026-03-21`: nobody is born after it. `spreadsheet_leftovers` accepts what spreadsheets
    make of values (see `spreadsheets`); imports pass True.
    """
    kind = _TYPES.get(event.type)
    if kind is None:
        return (TYPE_UNKNOWN,)
    data = event.data
    if not isinstance(data, dict):
        return ((ATTRIBUTE_MISSING if data is UNSET or data is None else ATTRIBUTE_INVALID)["data"],)
    if spreadsheet_leftovers:
        data = without_leftovers(data, kind.known)
    return kind.parse(data, Given(event.occurred_at, today, rules))


def _student(data: Mapping[str, object], given: Given) -> Command | Errors:
    rules = given.rules
    errors: list[FieldError] = []
    (
        year, national_id, first_name, last_name, father_name, born, gender, edu_status, reg_center,
        reg_status, group_code, school_code, mobile,
    ) = fields.values_of(data, fields.STUDENT, errors)  # fmt: skip
    if born is not None and born > given.today:
        errors.append(INVALID["birth_date"])
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


def _withdrawal(data: Mapping[str, object], given: Given) -> Command | Errors:
    """The reason must be text, and goes no further: upstream's free words may say anything of anybody."""
    errors: list[FieldError] = []
    year, national_id, _reason = fields.values_of(data, fields.WITHDRAWAL, errors)
    if errors:
        return tuple(errors)
    return WithdrawStudent(occurred_at=given.occurred_at, year=year, national_id=national_id)


def _mentor(data: Mapping[str, object], given: Given) -> Command | Errors:
    rules = given.rules
    errors: list[FieldError] = []
    mentor_id, name, mobile, gender, kind, capacity, active, alias_code, manager_id, groups, centers = (
        fields.values_of(data, fields.MENTOR, errors)
    )
    if groups is not None and not (groups and rules.all_groups.issuperset(groups)):
        errors.append(INVALID["groups"])
    if centers is not None and not (centers and rules.centers.issuperset(centers)):
        errors.append(INVALID["centers"])
    schools: tuple[int, ...] | None = ()
    if kind == "school":  # those of a normal mentor mean nothing, so they are not even read
        (schools,) = fields.values_of(data, fields.SCHOOLS, errors)
        if schools == ():
            errors.append(INVALID["schools"])
    if errors:
        return tuple(errors)
    return RegisterMentor(
        occurred_at=given.occurred_at,
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


def _manager(data: Mapping[str, object], given: Given) -> Command | Errors:
    rules = given.rules
    errors: list[FieldError] = []
    manager_id, full_name, email, phone, is_active, centers = fields.values_of(data, fields.MANAGER, errors)
    if centers is not None and not rules.centers.issuperset(centers):
        errors.append(INVALID["centers"])
    if errors:
        return tuple(errors)
    return RegisterManager(
        occurred_at=given.occurred_at,
        manager_id=manager_id,
        is_active=is_active,
        centers=centers,
        personal=PersonalManager(full_name=full_name, email=email, phone=phone),
    )


def _school_roster(data: Mapping[str, object], given: Given) -> Command | Errors:
    errors: list[FieldError] = []
    year, school_codes = fields.values_of(data, fields.ROSTER, errors)
    if errors:
        return tuple(errors)
    return PublishSchoolRoster(occurred_at=given.occurred_at, year=year, school_codes=school_codes)


_Parser = Callable[[Mapping[str, object], Given], Command | Errors]


class _Type(NamedTuple):
    parse: _Parser
    known: tuple[fields.Field, ...]


_TYPES: Final[Mapping[str, _Type]] = {
    "rahnama.student.registered.v1": _Type(_student, fields.STUDENT),
    "rahnama.student.withdrawn.v1": _Type(_withdrawal, fields.WITHDRAWAL),
    "rahnama.mentor.registered.v1": _Type(_mentor, (*fields.MENTOR, *fields.SCHOOLS)),
    "rahnama.manager.registered.v1": _Type(_manager, fields.MANAGER),
    "rahnama.school-roster.published.v1": _Type(_school_roster, fields.ROSTER),
}
INBOUND_TYPES: Final = frozenset(_TYPES)
"""The inbound types that this release accepts."""
FIELDS_OF_TYPE: Final = {name: kind.known for name, kind in _TYPES.items()}
"""By inbound type, the fields of `data` that are read."""
TYPE_UNKNOWN: Final = type_unknown(INBOUND_TYPES)
