"""A record of `rahnama.keys`: sealed under a key that only the master key gives.

Its Kafka key is an HMAC, so that compaction and the tombstone of an erasure find it and nobody learns from it.
"""

import base64
import hashlib
from typing import Final

import msgspec

from services.intake.crypto.fresh_keys import SubjectKey
from services.intake.crypto.sealing import Keyring, seal, unseal

KIND: Final = "key-record"


class KeyRecord(msgspec.Struct, frozen=True):
    """The content of a record: everything that is needed to know a subject and open what is sealed."""

    tenant: str
    subject: str
    lookup: str | None
    wrapped_key: str


def record_key(keyring: Keyring, tenant: str, subject: str) -> bytes:
    """The Kafka key of a subject's record: 32 hex digits."""
    return keyring.topic_index(f"{tenant}\0{subject}".encode())[:16].hex().encode()


def record_digest(key: bytes | None, value: bytes | None) -> bytes:
    """Of a record as it stands on the topic."""
    return hashlib.sha256((key or b"") + b"\0" + (value or b"")).digest()


def seal_record(keyring: Keyring, key: SubjectKey) -> tuple[bytes, bytes]:
    """Kafka key and value of a subject's record."""
    index = record_key(keyring, key.tenant, key.subject)
    content = KeyRecord(
        key.tenant,
        key.subject,
        key.lookup.hex() if key.lookup is not None else None,
        base64.b64encode(key.wrapped_key).decode(),
    )
    sealed = seal(
        keyring.topic_key, msgspec.json.encode(content), tenant="", subject=index.decode(), kind=KIND
    )
    return index, sealed.encode()


def open_record(keyring: Keyring, index: bytes, value: bytes) -> SubjectKey:
    """What `seal_record` sealed. Raises `InvalidTag` when the master key is another."""
    content = unseal(keyring.topic_key, value.decode(), tenant="", subject=index.decode(), kind=KIND)
    record = msgspec.json.decode(content, type=KeyRecord)
    return SubjectKey(
        record.tenant,
        record.subject,
        bytes.fromhex(record.lookup) if record.lookup is not None else None,
        base64.b64decode(record.wrapped_key),
    )
