"""Values of a closed set, by number or by the words that the field uses for them."""

from collections.abc import Mapping
from typing import Final, Literal, cast

from services.intake.decide.normalise import Invalid, integer, text

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
