"""The subjects' keys on their way to `rahnama.keys`, and a record of it: sealed under a key that only the master key gives.

Its Kafka key is an HMAC, so that compaction and the tombstone of an erasure find it and nobody learns from it.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from services.intake.crypto.sealing import Keyring, seal, unseal

MOST_KEPT: Final = 50_000


class SubjectKey(NamedTuple):
    """A subject's data key (wrapped), and for a student the look-up (HMAC of the national ID)."""

    tenant: str
    subject: str
    lookup: bytes | None
    wrapped_key: bytes


class FreshKeys:
    """Spares the relay a read. Bounded: what another instance relays is pushed out by what comes later."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._kept: dict[tuple[str, str], SubjectKey] = {}

    def keep(self, keys: Sequence[SubjectKey]) -> None:
        """To be called after the commit, before the relay is offered the events."""
        for key in keys:
            self._kept[key.tenant, key.subject] = key
        while len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]

    def take(self, tenant: str, subject: str) -> SubjectKey | None:
        """The key, once; None when it has to be read from the database."""
        return self._kept.pop((tenant, subject), None)


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
