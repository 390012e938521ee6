"""Reads settings of the environment, or reports every wrong one: its variable, what was given, and what is allowed.

The value itself is never repeated: it may be a password.
"""

import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from shared.errors import Misconfigured

Settings = TypeVar("Settings", bound=BaseSettings)

PREFIX = "RAHNAMA_"


def read_settings(shape: type[Settings], **given: Any) -> Settings:
    """The settings of the environment; `given` replaces some of them.

    Raises `Misconfigured` with one line for each variable that is missing or not allowed.
    """
    try:
        return shape(**given)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise Misconfigured("\n".join(dict.fromkeys(_line(shape, fault) for fault in faults))) from None


def _line(shape: type[BaseSettings], fault: Mapping[str, Any]) -> str:
    name = str(fault["loc"][0])
    variable = PREFIX + name.upper()
    expected = allowed(shape.model_fields[name])
    if fault["type"] == "missing":
        return f"{variable}: it is not set; needed: {expected}"
    # A validator of our own explains itself; pydantic's messages are replaced by the bounds.
    reason = f" ({fault['ctx']['error']})" if fault["type"] == "value_error" else ""
    return f"{variable}: {kind_of(fault['input'])} was given; allowed: {expected}{reason}"


def kind_of(value: object) -> str:
    """What was given, without repeating it."""
    if not isinstance(value, str):
        return f"a {type(value).__name__}"
    if not value.strip():
        return "nothing"
    try:
        number = float(value)
    except ValueError:
        return "text"
    return "a whole number" if number.is_integer() and value.strip().lstrip("+-").isdigit() else "a number"


def allowed(field: FieldInfo) -> str:
    """What a field accepts: "a whole number from 1 to 64"."""
    annotation: Any = field.annotation
    if isinstance(annotation, types.UnionType):
        annotation = next(part for part in typing.get_args(annotation) if part is not type(None))
    if typing.get_origin(annotation) is typing.Literal:
        return f"one of {', '.join(map(str, typing.get_args(annotation)))}"
    if annotation in (int, float):
        kind = "a whole number" if annotation is int else "a number"
        return " ".join([kind, *_bounds(field)])
    if annotation is Path:
        return "the path of a file"
    if typing.get_origin(annotation) is dict:
        return 'a JSON object of text, such as {"/upstream/demo": "default"}'
    return "text"


def _bounds(field: FieldInfo) -> list[str]:
    words = {Ge: ("from", "ge"), Gt: ("above", "gt"), Le: ("to", "le"), Lt: ("below", "lt")}
    return [
        f"{word} {getattr(bound, attribute)}"
        for kind, (word, attribute) in words.items()
        for bound in field.metadata
        if isinstance(bound, kind)
    ]


def read_json_object(value: object) -> object:
    """A setting that is a JSON object, from its text. Raises `ValueError` when it is none."""
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except ValueError:
        raise ValueError("it is not JSON") from None
    if not isinstance(found, dict):
        raise ValueError("it is JSON, but not an object")
    return found
