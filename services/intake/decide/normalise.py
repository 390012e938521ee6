"""One written form for every value that people and systems write in many ways.

Each function returns the normalised value, or raises `Invalid`; it never raises anything else, and applied
to its own result it changes nothing. Why a value is wrong is said by the field, not here (see `problems`).
"""

import re
import unicodedata
from typing import Final

import regex

MAX_TEXT: Final = 256
MAX_RAW_TEXT: Final = 1024
"""Longer input is refused unread: spaces and composed letters shrink text, but never so much."""
MAX_MARKS: Final = 30
"""Most marks on one letter (Unicode's stream-safe text, UAX 15): sorting more takes quadratic time."""
MAX_INT: Final = 2**31 - 1
"""Postgres' `integer`."""

_INVISIBLE: Final = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Cc}\u0640]+")
"""Unicode's default-ignorable code points, bidirectional controls, control characters, and the kashida."""
_UNIFIED: Final[dict[int, str | None]] = {
    **{0x06F0 + digit: str(digit) for digit in range(10)},  # Persian
    **{0x0660 + digit: str(digit) for digit in range(10)},  # Arabic-Indic
    ord("ي"): "ی",
    ord("ى"): "ی",
    ord("ك"): "ک",
    0x0640: None,  # the kashida again: presentation forms decompose to it
    0x2800: " ",  # the blank Braille pattern
}
_DIGIT_SETS: Final = frozenset("0123456789۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩")
# Printable ASCII and the Persian letters that no step changes: most values, and they need no step.
_SETTLED: Final = re.compile("[ -~ءآأؤئابةتثجحخدذرزسشصضطظعغفقلمنهوپچژکگی،؛؟]*")
_DIGITS: Final = re.compile("[0-9]{1,10}")
# The written forms of most values, which no step changes.
_NATIONAL_ID: Final = re.compile("[0-9]{10}")
_MOBILE: Final = re.compile("09[0-9]{9}")
SEPARATORS: Final = re.compile(r"[ \-‐‑‒–—−._/()]+")
NULL_WORDS: Final = frozenset(
    {
        "",
        "-",
        "--",
        "—",
        "–",
        "_",
        ".",
        "null",
        "none",
        "nil",
        "nan",
        "n/a",
        "na",
        "ندارد",
        "هیچ",
        "خالی",
        "تهی",
    }
)
"""What people write where there is nothing, casefolded."""


class Invalid(ValueError):
    """The value is not of this kind. Says nothing about the value, which may be personal data."""


def text(value: object) -> str:
    """NFKC, one form of digits, ی and ک, nothing invisible, single spaces, trimmed, at most 256 characters.

    Control characters are removed, not replaced: a tab between two words joins them.
    """
    if not isinstance(value, str) or len(value) > MAX_RAW_TEXT:
        raise Invalid
    if _SETTLED.fullmatch(value) is None:
        # Invisible characters go first as well: they keep a letter and its mark from being composed.
        value = _nfkc(str(_INVISIBLE.sub("", value)))
        if len(value) > MAX_RAW_TEXT:  # one letter may become eighteen
            raise Invalid
        # What is removed may have stood between marks, which have an order of their own, and are too many together.
        value = " ".join(_nfkc(value.translate(_UNIFIED)).split())
    elif "  " in value or value[:1] == " " or value[-1:] == " ":
        value = " ".join(value.split())
    if len(value) > MAX_TEXT:
        raise Invalid
    return value


def _nfkc(value: str) -> str:
    if len(value) > 2 * MAX_MARKS and _most_marks(value) > MAX_MARKS:
        raise Invalid
    return unicodedata.normalize("NFKC", value)


def _most_marks(value: str) -> int:
    most = run = 0
    for letter in value:
        run = run + 1 if unicodedata.combining(letter) else 0
        most = max(most, run)
    return most


def digits_text(value: object) -> str:
    """`text` of a value whose digits are ASCII, Persian or Arabic-Indic alone.

    NFKC would turn superscripts, fractions, circled and full-width digits into plain ones: `1²` is not 12.
    """
    if isinstance(value, str) and not value.isascii():
        for letter in value[: MAX_RAW_TEXT + 1]:
            if letter not in _DIGIT_SETS and unicodedata.numeric(letter, None) is not None:
                raise Invalid
    return text(value)


def name(value: object) -> str:
    """`text` with at least one letter."""
    return _with_a_letter(text(value))


def _with_a_letter(written: str) -> str:
    # Most names begin with one; the others are searched.
    if not written[:1].isalpha() and not any(letter.isalpha() for letter in written):
        raise Invalid
    return written


def optional_name(value: object) -> str | None:
    """`name`; null and empty text are None."""
    written = None if value is None else text(value)
    return _with_a_letter(written) if written else None


def optional_text(value: object) -> str | None:
    """`text`; null and empty text are None."""
    return None if value is None else text(value) or None


def national_id(value: object) -> str:
    """Ten digits with a fitting check digit, as a person's identity card has them."""
    digits = value if isinstance(value, str) else ""
    if _NATIONAL_ID.fullmatch(digits) is None:
        digits = digits_text(value)
        if _NATIONAL_ID.fullmatch(digits) is None:
            raise Invalid
    if digits == digits[0] * 10:
        raise Invalid
    a, b, c, d, e, f, g, h, i, check = digits.encode()
    # 10a + 9b + … + 2i over the digits; the letters are ASCII codes, 48 more each, and 48 · 54 mod 11 is 7.
    remainder = (10 * a + 9 * b + 8 * c + 7 * d + 6 * e + 5 * f + 4 * g + 3 * h + 2 * i - 48 * 54) % 11
    if check - 48 != (remainder if remainder < 2 else 11 - remainder):
        raise Invalid
    return digits


def mobile(value: object) -> str | None:
    """`09` and nine digits, from every usual way to write it; null and empty text are None."""
    if value is None or (isinstance(value, str) and _MOBILE.fullmatch(value) is not None):
        return value
    number = digits_text(value)
    if not (len(number) == 11 and number.isdigit()):
        number = SEPARATORS.sub("", number)
    if not number:
        return None
    if number.startswith("0098"):
        number = "0" + number[4:]
    elif number.startswith("+98") or (number.startswith("098") and len(number) > 11):
        number = "0" + number[3:]
    elif number.startswith("98") and len(number) > 10:
        number = "0" + number[2:]
    elif number.startswith("9") and len(number) == 10:
        number = "0" + number
    if len(number) != 11 or number[:2] != "09" or not (number.isascii() and number.isdigit()):
        raise Invalid
    return number


def integer(value: object, least: int = 1, most: int = MAX_INT) -> int:
    """A whole number from `least` to `most`, or its digits as text. Booleans and fractions are refused."""
    if type(value) is not int:
        if not isinstance(value, str):
            raise Invalid
        digits = digits_text(value)
        if _DIGITS.fullmatch(digits) is None:
            raise Invalid
        value = int(digits)
    if not least <= value <= most:
        raise Invalid
    return value


def optional_integer(value: object) -> int | None:
    """A positive whole number; null, 0, empty text and words for nothing (`null`, `-`, `ندارد` …) are None."""
    if value is None:
        return None
    if isinstance(value, str):
        value = digits_text(value)
        if value.casefold() in NULL_WORDS:
            return None
    return integer(value, 0) or None


def integers(value: object, most_items: int, least: int = 1) -> tuple[int, ...]:
    """A list of whole numbers as a set: sorted, without repeats. Null is the empty set."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > most_items:
        raise Invalid
    return tuple(sorted({integer(item, least) for item in value}))


def boolean(value: object) -> bool:
    """JSON's `true` or `false`, nothing else."""
    if not isinstance(value, bool):
        raise Invalid
    return value
