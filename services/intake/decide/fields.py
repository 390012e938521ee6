"""The fields of each inbound type: which must be there, and how each one is read."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from services.intake.decide import enumerations, normalise
from services.intake.decide.birth_date import birth_date
from services.intake.decide.normalise import Invalid
from services.intake.decide.problems import INVALID, MISSING
from shared.errors import FieldError

FIRST_YEAR: Final = 1300
LAST_YEAR: Final = 1500
MAX_SET: Final = 1_000
"""Most groups, centres or schools of one mentor or manager."""
MAX_ROSTER: Final = 100_000
"""Most schools of a roster."""

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")


class Field(NamedTuple):
    """A field of `data`: how it is read when it is not null, and whether it may be null or absent."""

    name: str
    read: Callable[[object], Any]
    required: bool = False


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


STUDENT: Final = (
    Field("year", _year, required=True),
    Field("national_id", normalise.national_id, required=True),
    Field("first_name", normalise.name, required=True),
    Field("last_name", normalise.name, required=True),
    Field("father_name", normalise.optional_name),
    Field("birth_date", birth_date),
    Field("gender", enumerations.gender, required=True),
    Field("edu_status", enumerations.edu_status, required=True),
    Field("reg_center", _center, required=True),
    Field("reg_status", enumerations.reg_status, required=True),
    Field("group_code", normalise.integer, required=True),
    Field("school_code", normalise.optional_integer),
    Field("mobile", normalise.mobile),
)
WITHDRAWAL: Final = (
    Field("year", _year, required=True),
    Field("national_id", normalise.national_id, required=True),
    Field("reason", normalise.optional_text),
)
MENTOR: Final = (
    Field("mentor_id", normalise.integer, required=True),
    Field("name", normalise.optional_name),
    Field("mobile", normalise.mobile),
    Field("gender", enumerations.gender, required=True),
    Field("type", enumerations.mentor_type, required=True),
    Field("capacity", _capacity),
    Field("active", normalise.boolean),
    Field("alias_code", normalise.optional_text),
    Field("manager_id", normalise.integer),
    Field("groups", _small_set, required=True),
    Field("centers", _centers, required=True),
)
SCHOOLS: Final = (Field("schools", _small_set, required=True),)
MANAGER: Final = (
    Field("manager_id", normalise.integer, required=True),
    Field("full_name", normalise.optional_name),
    Field("email", _email),
    Field("phone", normalise.optional_text),
    Field("is_active", normalise.boolean, required=True),
    Field("centers", _centers, required=True),
)
ROSTER: Final = (
    Field("year", _year, required=True),
    Field("school_codes", _roster, required=True),
)


def values_of(data: Mapping[str, object], fields: tuple[Field, ...], errors: list[FieldError]) -> list[Any]:
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
