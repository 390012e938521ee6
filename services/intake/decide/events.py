"""Inbound CloudEvents 1.0 as they arrive: structured JSON, or Kafka's binary mode."""

import base64
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.intake.decide.problems import ATTRIBUTE_INVALID, ATTRIBUTE_MISSING, EVENT_INVALID
from shared.errors import FieldError

MAX_ID: Final = 128
MAX_SOURCE: Final = 256
MAX_TYPE: Final = 256
YEARS: Final = range(2000, 2101)
"""In which an event's `time` lies."""
UTF8_BOM: Final = b"\xef\xbb\xbf"
AMBIGUOUS: Final = b""
"""The value of an attribute that was given twice; like all bytes, it is no valid one."""
MAX_DEPTH: Final = 16
"""Nothing that upstream sends is deeper than a list in `data`; what is much deeper is an attack."""

_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_JSON_TYPE: Final = re.compile(r"application/(?:json|[a-z0-9.+-]+\+json)(?:\s*;.*)?", re.IGNORECASE)
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f]")


class InboundEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event whose envelope is valid. `data` is decoded JSON, or `UNSET` when there is none.

    `occurred_at` is the attribute `time` in UTC (27 characters); `traceparent` the W3C one, if valid.
    """

    id: str
    source: str
    type: str
    occurred_at: str | None
    traceparent: str | None
    data: Any

    def __repr__(self) -> str:  # id and data may hold personal data, and a printed event may get into a log
        return f"InboundEvent(type={self.type!r}, …)"


class BrokenEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What is no valid CloudEvent. `id` and `source` are given when they, at least, are valid."""

    id: str | None
    source: str | None
    errors: tuple[FieldError, ...]


class _Wire(msgspec.Struct, gc=False):
    """The attributes that are read; others, extensions too, are passed over."""

    specversion: Literal["1.0"]
    id: Annotated[str, Meta(min_length=1, max_length=MAX_ID)]
    source: Annotated[str, Meta(min_length=1, max_length=MAX_SOURCE)]
    type: Annotated[str, Meta(min_length=1, max_length=MAX_TYPE)]
    time: str | None = None
    datacontenttype: str | None = None
    traceparent: str | None = None
    data: Any = UNSET
    data_base64: str | UnsetType | None = UNSET


_wire = msgspec.json.Decoder(_Wire)
json_decoder = msgspec.json.Decoder()


def open_event(value: bytes | msgspec.Raw) -> InboundEvent | BrokenEvent:
    """The event of one JSON document (structured mode, or one item of a batch). Never raises."""
    try:
        wire = _wire.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _open_slowly(value)
    if not is_shallow(value, wire.data):
        return BrokenEvent(id=None, source=None, errors=(EVENT_INVALID,))
    return _checked(wire)


def _open_slowly(value: bytes | msgspec.Raw) -> InboundEvent | BrokenEvent:
    try:
        document = json_decoder.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        document = None
    if not isinstance(document, dict) or not is_shallow(value, document):
        return BrokenEvent(id=None, source=None, errors=(EVENT_INVALID,))
    return from_attributes(document)


def from_attributes(
    attributes: dict[str, object], found: tuple[FieldError, ...] = ()
) -> InboundEvent | BrokenEvent:
    """The same as decoding `_Wire`, but collecting what is wrong beside what was `found` already."""
    errors = list(found)
    for name in ("specversion", "id", "source", "type"):
        if attributes.get(name) is None:
            errors.append(ATTRIBUTE_MISSING[name])
        elif not _is_valid(name, attributes[name]):
            errors.append(ATTRIBUTE_INVALID[name])
    for name in ("time", "datacontenttype"):
        if attributes.get(name) is not None and not _is_valid(name, attributes[name]):
            errors.append(ATTRIBUTE_INVALID[name])
    if not isinstance(attributes.get("data_base64"), str | None):
        errors.append(ATTRIBUTE_INVALID["data"])
    if errors:
        return broken_event(attributes, errors)
    known = {name: attributes[name] for name in _Wire.__struct_fields__ if name in attributes}
    if not isinstance(known.get("traceparent"), str):
        known["traceparent"] = None
    return _checked(_Wire(**known))  # type: ignore[arg-type]  # each one was looked at above


def _is_valid(name: str, value: object) -> bool:
    if not isinstance(value, str) or _CONTROL.search(value):
        return False
    match name:
        case "specversion":
            return value == "1.0"
        case "id":
            return 1 <= len(value) <= MAX_ID
        case "source":
            return 1 <= len(value) <= MAX_SOURCE
        case "type":
            return 1 <= len(value) <= MAX_TYPE
        case "time":
            return _utc(value) is not None
        case _:
            return _JSON_TYPE.fullmatch(value) is not None


def broken_event(attributes: dict[str, object], errors: list[FieldError]) -> BrokenEvent:
    def valid(name: str) -> str | None:
        value = attributes.get(name)
        return value if isinstance(value, str) and _is_valid(name, value) else None

    return BrokenEvent(id=valid("id"), source=valid("source"), errors=tuple(errors))


def _checked(wire: _Wire) -> InboundEvent | BrokenEvent:
    """What the types do not say: no control characters, a real time, JSON as content."""
    errors = [
        ATTRIBUTE_INVALID[name]
        for name, value in (("id", wire.id), ("source", wire.source), ("type", wire.type))
        if not value.isprintable() and _CONTROL.search(value)
    ]
    occurred_at = None
    if wire.time is not None and (occurred_at := _utc(wire.time)) is None:
        errors.append(ATTRIBUTE_INVALID["time"])
    data = wire.data
    if wire.data_base64 is not UNSET and wire.data_base64 is not None:
        data = _from_base64(wire.data_base64) if data is UNSET else None
        if data is None:
            errors.append(ATTRIBUTE_INVALID["data"])
    content_type = wire.datacontenttype
    if content_type not in (None, "application/json") and not _is_valid("datacontenttype", content_type):
        errors.append(ATTRIBUTE_INVALID["datacontenttype"])
    if errors:
        return broken_event({"id": wire.id, "source": wire.source}, errors)
    trace = wire.traceparent
    return InboundEvent(
        id=wire.id,
        source=wire.source,
        type=wire.type,
        occurred_at=occurred_at,
        traceparent=trace if trace is not None and _TRACEPARENT.fullmatch(trace) else None,
        data=data,
    )


def _from_base64(encoded: str) -> Any:
    """JSON in base64 (CloudEvents JSON format, section 3.1.1); None if it is not such."""
    try:
        value = base64.b64decode(encoded, validate=True)
        decoded = json_decoder.decode(value)
    except (ValueError, msgspec.DecodeError, RecursionError):
        return None
    return decoded if is_shallow(value, decoded) else None


def _utc(time: str) -> str | None:
    """RFC 3339 to UTC with microseconds, so that text order is time order; None if it is no such time.

    A leap second is read as the second before it. Years before 2000 and after 2100 are wrong clocks and calendars.
    """
    if _TIME.fullmatch(time) is None:
        return None
    is_leap_second = time[17:19] == "60"
    try:
        moment = datetime.fromisoformat((time[:17] + "59" + time[19:] if is_leap_second else time).upper())
        if time[-1] not in "Zz":
            moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    if moment.year not in YEARS or (is_leap_second and (moment.hour, moment.minute) != (23, 59)):
        return None
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def is_shallow(value: bytes | msgspec.Raw, decoded: object) -> bool:
    raw = bytes(value)
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return True
    level: list[object] = [decoded]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return True
    return False
