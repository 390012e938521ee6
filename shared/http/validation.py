"""FastAPI's validation errors as field errors: stable codes and pointers, never the value."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.errors import FieldError

BODY_UNREADABLE: Final = "BODY_UNREADABLE"
MAX_ERRORS: Final = 50
_IN_BODY: Final = "body"
_NOT_A_LETTER: Final = re.compile(r"[^A-Z0-9]+")

_EXPECTED: Final[Mapping[str, str]] = {
    "int": "an integer",
    "bool": "true or false",
    "float": "a number",
    "string": "text",
    "list": "a list",
    "set": "a list",
    "dict": "an object",
    "model": "an object",
    "uuid": "a UUID",
    "datetime": "a time (RFC 3339)",
    "date": "a date (YYYY-MM-DD)",
}
_LIMITS: Final[Mapping[str, str]] = {
    "literal_error": "one of {expected}",
    "enum": "one of {expected}",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "string_too_short": "text of at least {min_length} characters",
    "string_too_long": "text of at most {max_length} characters",
    "too_short": "a list of at least {min_length} items",
    "too_long": "a list of at most {max_length} items",
}


def field_errors(errors: Sequence[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """pydantic's errors as ours; at most `MAX_ERRORS`.

    A parameter's pointer is `/query/<name>`, `/path/<name>` or `/header/<name>`; a body's is the place in it.
    """
    return tuple(_field_error(error) for error in errors[:MAX_ERRORS])


def _field_error(error: Mapping[str, Any]) -> FieldError:
    kind, place = str(error.get("type", "")), list(error.get("loc", ()))
    if kind == "json_invalid":
        return FieldError("", BODY_UNREADABLE, "The body is not valid JSON.")
    if kind == "extra_forbidden":
        # The name of an unknown field is the caller's own words: not repeated.
        return FieldError(_pointer(place[:-1]), "FIELD_UNKNOWN", "There is a field that is not known.")
    if kind == "missing":
        return FieldError(_pointer(place), f"{_name(place)}_MISSING", "It is required.")
    return FieldError(_pointer(place), code_of(_word(place)), f"It must be {_expected(error, kind)}.")


def code_of(name: str) -> str:
    """The code of a parameter or field with a value that is not valid."""
    return f"{_upper(name)}_INVALID"


def _expected(error: Mapping[str, Any], kind: str) -> str:
    """In words, with the limit or the allowed values where pydantic names them: they are the schema's own."""
    template = _LIMITS.get(kind)
    context: Mapping[str, Any] = error.get("ctx") or {}
    if template is not None:
        return template.format(**context)
    return _EXPECTED.get(kind.split("_", 1)[0], "a valid value")


def _pointer(place: Sequence[str | int]) -> str:
    """RFC 6901."""
    parts = place[1:] if place and place[0] == _IN_BODY else place
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _name(place: Sequence[str | int]) -> str:
    return _upper(_word(place))


def _word(place: Sequence[str | int]) -> str:
    words = [part for part in place if isinstance(part, str)]
    return words[-1] if words else _IN_BODY


def _upper(word: str) -> str:
    return _NOT_A_LETTER.sub("_", word.upper()).strip("_") or "FIELD"
