"""CloudEvents on Kafka: which parts of a record are the event, in binary or in structured mode.

Known method: CloudEvents Kafka protocol binding 1.0.2, sections 3.2 (binary) and 3.3 (structured).
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from services.intake.append.inbound import InboundRecord

STRUCTURED: Final = b"application/cloudevents"
ATTRIBUTE_PREFIX: Final = "ce_"


class StructuredEvent(msgspec.Struct, frozen=True):
    """`document` is to be the whole event as JSON; whether it is, was not looked at."""

    document: bytes
    traceparent: str | None


class BinaryEvent(msgspec.Struct, frozen=True):
    """`attributes` are those of the `ce_` headers, without the prefix, and `datacontenttype`; none is checked.

    A header that is no UTF-8 keeps its readable parts (U+FFFD for the others). `data` are the value's bytes.
    """

    attributes: Mapping[str, str]
    data: bytes
    traceparent: str | None


def inbound_event(record: InboundRecord) -> StructuredEvent | BinaryEvent:
    """The parts of the event in a record. Never raises: what is wrong with them, validation says.

    A `content-type` that begins with `application/cloudevents`, or no `ce_` header at all, means structured mode.
    """
    attributes: dict[str, str] = {}
    content_type = b""
    traceparent = None
    for name, content in record.headers:
        if name.startswith(ATTRIBUTE_PREFIX):
            attributes[name[len(ATTRIBUTE_PREFIX) :]] = (content or b"").decode("utf-8", "replace")
        elif name.lower() == "content-type":
            content_type = (content or b"").strip().lower()
        elif name == "traceparent":
            traceparent = (content or b"").decode("utf-8", "replace")
    if not attributes or content_type.startswith(STRUCTURED):
        return StructuredEvent(record.value, traceparent)
    if content_type:
        attributes["datacontenttype"] = content_type.decode("utf-8", "replace")
    return BinaryEvent(attributes, record.value, traceparent)
