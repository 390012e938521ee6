"""The fields of each inbound type: which must be there, and how each one is read."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple, cast

from services.intake.decide import normalise
from services.intake.decide.birth_date import birth_date
from services.intake.decide.normalise import Invalid, integer, text
from services.intake.decide.problems import INVALID, MISSING
from shared.errors import FieldError

GENDER_WORDS: Final = {
    "زن": 0, "دختر": 0, "خانم": 0, "female": 0, "f": 0, "girl": 0,
    "مرد": 1, "پسر": 1, "آقا": 1, "male": 1, "m": 1, "boy": 1,
}  # fmt: skip
REG_STATUS_WORDS: Final = {"عادی": 0, "normal": 0, "بنیاد": 1, "bonyad": 1, "حکمت": 3, "hekmat": 3}
# The half-space of «فارغ‌التحصیل» is invisible, and gone before the look-up.
EDU_STATUS_WORDS: Final = {
    "فارغ": 0, "فارغالتحصیل": 0, "فارغ التحصیل": 0, "graduate": 0,
    "محصل": 1, "student": 1,
}  # fmt: skip
MENTOR_TYPE_WORDS: Final = {"عادی": "normal", "normal": "normal", "مدرسه": "school", "school": "school"}


def _numbered(value: object, words: Mapping[str, int]) -> int:
    if isinstance(value, str):
        word = text(value).casefold()
        number = words.get(word)
        if number is not None:
            return number
    number = integer(value, 0)
    if number not in words.values():
        raise Invalid
    return number


def gender(value: object) -> int:
    """0 female, 1 male."""
    return value if type(value) is int and 0 <= value <= 1 else _numbered(value, GENDER_WORDS)


def edu_status(value: object) -> int:
    """0 graduate, 1 studying."""
    return value if type(value) is int and 0 <= value <= 1 else _numbered(value, EDU_STATUS_WORDS)


def reg_status(value: object) -> int:
    """0 normal, 1 Bonyad, 3 Hekmat."""
    return value if type(value) is int and value in (0, 1, 3) else _numbered(value, REG_STATUS_WORDS)


def mentor_type(value: object) -> Literal["normal", "school"]:
    """`normal` or `school`."""
    word = MENTOR_TYPE_WORDS.get(text(value).casefold())
    if word is None:
        raise Invalid
    return cast(Literal["normal", "school"], word)


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
    Field("gender", gender, required=True),
    Field("edu_status", edu_status, required=True),
    Field("reg_center", _center, required=True),
    Field("reg_status", reg_status, required=True),
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
    Field("gender", gender, required=True),
    Field("type", mentor_type, required=True),
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
