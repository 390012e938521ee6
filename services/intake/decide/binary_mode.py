"""CloudEvents in binary mode: the attributes as headers (`ce_…` over Kafka, `ce-…` over HTTP), `data` as the value."""

from collections.abc import Iterable

import msgspec
from msgspec import UNSET

from services.intake.decide.events import (
    AMBIGUOUS,
    UTF8_BOM,
    BrokenEvent,
    InboundEvent,
    broken_event,
    from_attributes,
    is_shallow,
    json_decoder,
    open_event,
)
from services.intake.decide.problems import ATTRIBUTE_INVALID


def _utf8(raw: bytes) -> str | bytes:
    """The text of a header; what is not UTF-8 stays bytes, which no attribute accepts."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def open_record(
    headers: Iterable[tuple[str, bytes | None]], value: bytes | None
) -> InboundEvent | BrokenEvent:
    """The event of a message with headers, binary (`ce_…`, over HTTP `ce-…`) or structured. Never raises.

    A message without such headers is read as structured, with any content type.
    """
    value = (value or b"").removeprefix(UTF8_BOM)
    attributes = header_attributes(headers)
    if attributes is None:
        return open_event(value)
    if value:
        try:
            attributes["data"] = json_decoder.decode(value)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return broken_event(attributes, [ATTRIBUTE_INVALID["data"]])
        if not is_shallow(value, attributes["data"]):
            return broken_event(attributes, [ATTRIBUTE_INVALID["data"]])
    return from_attributes(attributes)


def header_attributes(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, object] | None:
    """The attributes of binary mode, without its data; None of a message that is read as structured."""
    attributes: dict[str, object] = {}
    content_type: str | None = None
    for name, raw in headers:
        key = name.lower()
        if key.startswith(("ce_", "ce-")):
            attribute = key[3:]
            attributes[attribute] = AMBIGUOUS if attribute in attributes else _utf8(raw or b"")
        elif key == "content-type":
            content_type = (raw or b"").decode("utf-8", "replace")
    structured = content_type is not None and content_type.lower().startswith("application/cloudevents")
    if structured or not attributes:
        return None
    return attributes | {"datacontenttype": content_type, "data": UNSET}
