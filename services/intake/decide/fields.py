"""A field of an inbound type's data, how the words and numbers in it are read, and the fields that several types have."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from services.intake.decide import normalise
from services.intake.decide.normalise import Invalid, integer, text
from services.intake.decide.problems import Words, invalid, missing
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


FIRST_YEAR: Final = 1300
LAST_YEAR: Final = 1500
MAX_SET: Final = 1_000
"""Most groups, centres or schools of one mentor or manager."""


class Field(NamedTuple):
    """A field of `data`: how it is read when it is not null, whether it may be null or absent, and its two errors.

    Of `most` numbers is a list, of one number what `is_number`: spreadsheets write these in other ways.
    """

    name: str
    read: Callable[[object], Any]
    required: bool
    missing: FieldError
    invalid: FieldError
    is_number: bool
    most: int


def field(
    name: str,
    read: Callable[[object], Any],
    words: Words,
    *,
    required: bool = False,
    is_number: bool = False,
    most: int = 0,
) -> Field:
    """A field whose errors say in `words` what is expected."""
    errors = missing("/data", name, words), invalid("/data", name, words)
    return Field(name, read, required, *errors, is_number, most)


def year(value: object) -> int:
    """A Jalali year."""
    return normalise.integer(value, FIRST_YEAR, LAST_YEAR)


def from_zero(value: object) -> int:
    """A whole number, at least 0: a capacity, or a centre, of which there is a centre 0."""
    return normalise.integer(value, 0)


def small_set(value: object) -> tuple[int, ...]:
    """At most `MAX_SET` positive numbers, sorted and without repeats."""
    return normalise.integers(value, MAX_SET)


def centers(value: object) -> tuple[int, ...]:
    """At most `MAX_SET` centres, sorted and without repeats."""
    return normalise.integers(value, MAX_SET, least=0)


YEAR: Final = field("year", year, ("a Jalali year from 1300 to 1500", "سال تحصیلی", "سال شمسی از ۱۳۰۰ تا ۱۵۰۰"), required=True, is_number=True)  # fmt: skip
NATIONAL_ID: Final = field("national_id", normalise.national_id, ("ten digits with a fitting check digit", "کد ملی", "ده رقم با رقم کنترل درست"), required=True)  # fmt: skip
MOBILE: Final = field("mobile", normalise.mobile, ("a mobile number, 09 and nine digits, or null", "شماره تلفن همراه", "۰۹ و نه رقم دیگر، یا خالی"))  # fmt: skip
GENDER: Final = field("gender", gender, ("0 (female) or 1 (male)", "جنسیت", "۰ (زن) یا ۱ (مرد)"), required=True, is_number=True)  # fmt: skip
REG_CENTER: Final = field("reg_center", from_zero, ("one of the tenant's centres", "مرکز ثبت نام", "یکی از مرکزهای تعریف‌شده"), required=True, is_number=True)  # fmt: skip
CENTERS: Final = field("centers", centers, ("a list of the tenant's centres; a mentor's has at least one", "مرکزها", "فهرستی از مرکزها، برای منتور ناتهی"), required=True, most=MAX_SET)  # fmt: skip
MANAGER_ID: Final = field("manager_id", normalise.integer, ("a positive whole number", "شناسه مدیر", "عدد صحیح مثبت"), is_number=True)  # fmt: skip


def values_of(data: Mapping[str, object], fields: tuple[Field, ...], errors: list[FieldError]) -> list[Any]:
    """The fields' values, None where there is none or it is not valid; what is wrong goes to `errors`."""
    values = []
    for name, read, required, missing_error, invalid_error, _, _ in fields:
        value: Any = data.get(name)
        if value is not None:
            try:
                value = read(value)
            except Invalid:
                errors.append(invalid_error)
                value = None
        elif required:
            errors.append(missing_error)
        values.append(value)
    return values
