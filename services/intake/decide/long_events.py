"""What is read of an event that is too long to be taken: its attributes, and what its rejection is found by.

msgspec passes over the rest without making an object of it, so that the cost of a refusal does not depend on what the
event holds. Attributes are found wherever they stand in the document.
"""

import base64
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from services.intake.decide.binary_mode import header_attributes
from services.intake.decide.events import (
    AMBIGUOUS,
    UTF8_BOM,
    BrokenEvent,
    InboundEvent,
    from_attributes,
)
from services.intake.decide.problems import ATTRIBUTE_INVALID, EVENT_INVALID

MAX_VALUE_BYTES: Final = 16 * 1024
"""A longer value is not decoded: as an attribute it is not valid, in `data` it counts as absent."""
_UNREADABLE: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class _Attributes(msgspec.Struct, gc=False):
    specversion: Raw | UnsetType = UNSET
    id: Raw | UnsetType = UNSET
    source: Raw | UnsetType = UNSET
    type: Raw | UnsetType = UNSET
    time: Raw | UnsetType = UNSET
    datacontenttype: Raw | UnsetType = UNSET
    traceparent: Raw | UnsetType = UNSET


class _Content(msgspec.Struct, gc=False):
    data: Raw | UnsetType = UNSET
    data_base64: Raw | UnsetType = UNSET


class _Data(msgspec.Struct, gc=False):
    """By the first an erasure finds the rejection; by the others the operators of a centre."""

    national_id: Raw | UnsetType = UNSET
    reg_center: Raw | UnsetType = UNSET
    centers: Raw | UnsetType = UNSET


_attributes: Final = msgspec.json.Decoder(_Attributes)
_content: Final = msgspec.json.Decoder(_Content)
_data: Final = msgspec.json.Decoder(_Data)
_text: Final = msgspec.json.Decoder(str)
_value: Final = msgspec.json.Decoder()


def open_long_event(value: bytes) -> InboundEvent | BrokenEvent:
    """As `open_event`, but `data` has only the fields that a rejection is found by. Never raises."""
    try:
        attributes, content = _short_values(_attributes.decode(value)), _content.decode(value)
    except _UNREADABLE:
        return BrokenEvent(id=None, source=None, errors=(EVENT_INVALID,))
    if content.data is not UNSET:
        attributes["data"] = _fields(content.data)
    elif content.data_base64 is not UNSET:
        attributes["data"] = _fields(_from_base64(content.data_base64))
    return from_attributes(attributes)


def open_long_record(headers: Iterable[tuple[str, bytes | None]], value: bytes) -> InboundEvent | BrokenEvent:
    """As `open_record`, but `data` has only the fields that a rejection is found by. Never raises."""
    value = value.removeprefix(UTF8_BOM)
    attributes = header_attributes(headers)
    if attributes is None:
        return open_long_event(value)
    data = attributes["data"] = _fields(value)
    if data is None:
        return from_attributes(attributes, (ATTRIBUTE_INVALID["data"],))
    return from_attributes(attributes)


def _fields(data: bytes | Raw) -> dict[str, object] | None:
    """None when it is no object."""
    try:
        return _short_values(_data.decode(data))
    except _UNREADABLE:
        return None


def _short_values(found: msgspec.Struct) -> dict[str, object]:
    given = ((name, getattr(found, name)) for name in found.__struct_fields__)
    return {name: _short_value(raw) for name, raw in given if raw is not UNSET}


def _short_value(raw: Raw) -> Any:
    if len(bytes(raw)) > MAX_VALUE_BYTES:
        return AMBIGUOUS
    try:
        return _value.decode(raw)
    except _UNREADABLE:
        return AMBIGUOUS


def _from_base64(encoded: Raw) -> bytes:
    """The bytes alone; nothing of them is decoded as JSON."""
    try:
        return base64.b64decode(_text.decode(encoded), validate=True)
    except (ValueError, *_UNREADABLE):
        return b""
