"""What spreadsheets leave in their cells: `21.0` for 21, words for an empty cell, a 0 behind the country code.

Data is cleaned before it is parsed, so that every rule of a field holds as it does for other data. Events are cleaned
only for tenants that ask for it; what is accepted is logged normalised, so the choice changes nothing afterwards.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from services.intake.decide.fields import Field
from services.intake.decide.normalise import MAX_INT, NULL_WORDS, SEPARATORS, Invalid, digits_text, text

_WHOLE: Final = re.compile(r"([0-9]{1,10})\.0*")
_DECIMAL_SEPARATOR: Final = "٫"
_TRUNK_ZERO: Final = re.compile(r"(?:\+98|0098|098|98)(09[0-9]{9})")


def without_leftovers(data: Mapping[str, object], known: Iterable[Field]) -> dict[str, object]:
    """`data` with plain values in the `known` fields, where a spreadsheet's can be read. Never raises: others stay."""
    cleaned = dict(data)
    for field in known:
        if field.name in data:
            cleaned[field.name] = _cleaned(field, data[field.name])
    return cleaned


def _cleaned(field: Field, value: object) -> object:
    if isinstance(value, str) and _is_null_word(value):
        return (
            "" if field.required else None
        )  # a required field is never null, and no empty text is valid in it
    if field.is_number:
        return _whole_number(value)
    # A longer list is refused anyway, and not worth cleaning.
    if isinstance(value, list) and len(value) <= field.most:
        return [_whole_number(item) for item in value]
    return _without_trunk_zero(value) if field.name == "mobile" else value


def _is_null_word(value: str) -> bool:
    try:
        return text(value).casefold() in NULL_WORDS
    except Invalid:
        return False


def _whole_number(value: object) -> object:
    """21 of `21.0`, `21.` and `۲۱٫۰`, as text or as a JSON number; every other value as it is, 21.5 too."""
    if type(value) is float:
        return int(value) if value.is_integer() and abs(value) <= MAX_INT else value
    if not isinstance(value, str):
        return value
    try:
        written = digits_text(value)
    except Invalid:
        return value
    match = _WHOLE.fullmatch(written.replace(_DECIMAL_SEPARATOR, "."))
    return value if match is None else int(match[1])


def _without_trunk_zero(value: object) -> object:
    """`09123456789` of `+98 (0)912 345 6789`; every other value as it is."""
    try:
        match = _TRUNK_ZERO.fullmatch(SEPARATORS.sub("", digits_text(value)))
    except Invalid:
        return value
    return value if match is None else match[1]
