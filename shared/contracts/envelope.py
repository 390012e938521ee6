"""The CloudEvents envelope as it stands in the log, on the topic and in the ledger.

The bytes are written once, at append, and never encoded again: an event is equal to another if its bytes are.
"""

import hashlib
from datetime import UTC, datetime
from typing import Final

import msgspec

SEQUENCE_DIGITS: Final = 16
NO_HASH: Final = bytes(32)
"""`previous` of a partition's first event."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """CloudEvents 1.0, structured mode, attributes in the order in which they are written.

    `sequence` has 16 digits, `previous` 64 hex digits; `data` is left as the bytes that stand in the event.
    """

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    tenant: str
    sequence: str
    previous: str
    causationid: str
    data: msgspec.Raw

    @property
    def partition(self) -> int:
        """The partition that the id names: `intake-03-0000000000000017` stands in partition 3."""
        return int(self.id.split("-")[1])


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Envelope)


def event_id(source: str, partition: int, sequence: int) -> str:
    """An event's place in the log: `intake-03-0000000000000017`."""
    return f"{source}-{partition:02d}-{sequence:016d}"


def encode(envelope: Envelope) -> bytes:
    """The event's bytes."""
    return _encoder.encode(envelope)


def decode(value: bytes) -> Envelope:
    """The envelope of an event's bytes. Raises `msgspec.DecodeError` when they are none."""
    return _decoder.decode(value)


def leaf_hash(value: bytes) -> bytes:
    """An event's hash: SHA-256(0x00 ‖ value), the leaf hash of RFC 6962, section 2.1. 32 bytes."""
    return hashlib.sha256(b"\x00" + value).digest()


def rfc3339(moment: datetime) -> str:
    """UTC, microseconds, `Z`: always 27 characters, so that text order is time order."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
