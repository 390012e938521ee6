"""Keyed digests of what must be compared or named without being kept.

All use HMAC-SHA256 under the tenant's key: national IDs and names are few enough to be guessed from a plain hash.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import UNSET

from services.intake.decide.commands import Personal
from services.intake.decide.events import InboundEvent

FINGERPRINT_BYTES: Final = 16
CONTENT_DIGEST_BYTES: Final = 16
CAUSATION_DIGITS: Final = 32

Digest = Callable[[bytes], bytes]
"""HMAC-SHA256 of a message under the tenant's key: 32 bytes."""

_personal = msgspec.json.Encoder()
_content = msgspec.json.Encoder(order="deterministic")


def causation_id(mac: Digest, source: str, event_id: str) -> str:
    """What facts call the inbound event: the first 32 hex digits of HMAC(source ‖ 0 ‖ id)."""
    return mac(f"{source}\0{event_id}".encode())[: CAUSATION_DIGITS // 2].hex()


def content_bytes(event: InboundEvent) -> bytes:
    """(type, data) as canonical JSON: the order of keys and white space do not matter, values stay as sent."""
    return _content.encode((event.type,) if event.data is UNSET else (event.type, event.data))


def content_digest(mac: Digest, event: InboundEvent) -> bytes:
    """16 bytes that tell whether an event with a known id has other content (`ID_REUSED`)."""
    return mac(b"content\0" + content_bytes(event))[:CONTENT_DIGEST_BYTES]


def fingerprint(mac: Digest, personal: Personal) -> bytes:
    """16 bytes that are equal when all normalised personal fields are; sealed envelopes cannot be compared."""
    return mac(b"personal\0" + _personal.encode(personal))[:FINGERPRINT_BYTES]


def event_keys(mac: Digest, source: str, event_id: str) -> tuple[bytes, bytes]:
    """The idempotency keys under which an event may have been answered: as allowed, and as not allowed."""
    return bytes.fromhex(causation_id(mac, source, event_id)), refused_key(mac, source, event_id)


def refused_key(mac: Digest, source: str, event_id: str) -> bytes:
    """The key of an event whose source is not the tenant's: once it is, the same event is a new one."""
    return bytes.fromhex(causation_id(mac, f"\0{source}", event_id))
