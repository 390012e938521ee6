"""Keys and envelopes: how personal data is hidden, found again by its owner's number, and destroyed.

One master key; from it, by HKDF-SHA256 (RFC 5869), a key per tenant (pseudonyms' look-up and digests), one that
wraps the subjects' own data keys (AES key wrap, RFC 3394), and those of the topic `rahnama.keys`. Whoever destroys
a subject's wrapped key has destroyed what was sealed under it, wherever copies of the envelope are.
"""

import base64
import os
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
VERSION: Final = "v1."
VARIANTS: Final = "89ab"
"""The first digit of a UUID's fourth group: two bits of RFC 9562's variant, and two of chance."""


class Mac:
    """HMAC-SHA256 (RFC 2104) under one key, which is set up once: that takes longer than most messages do."""

    __slots__ = ("_begun",)

    def __init__(self, key: bytes) -> None:
        self._begun = HMAC(key, SHA256())

    def __call__(self, message: bytes) -> bytes:
        """32 bytes."""
        begun = self._begun.copy()
        begun.update(message)
        return begun.finalize()


class TenantKey:
    """One tenant's key, under which `decide.digests` digests, and by which students are known again."""

    __slots__ = ("mac", "name")

    def __init__(self, name: str, key: bytes) -> None:
        self.name = name
        self.mac = Mac(key)

    def lookup(self, national_id: str) -> bytes:
        """The digest of a normalised national ID: 32 bytes by which intake alone knows a student again."""
        return self.mac(national_id.encode())

    def digest(self, content: bytes) -> bytes:
        """16 bytes that name what is no event by its content."""
        return self.mac(b"bytes\0" + content)[:16]


class Keyring:
    """All that the master key opens."""

    def __init__(self, master: bytes) -> None:
        if len(master) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes, not {len(master)}")
        self._master = master
        self._wrapping = self._derive(b"rahnama wrapping key")
        self._tenants: dict[str, TenantKey] = {}
        self.topic_key = self._derive(b"rahnama keys topic")
        self.topic_index = Mac(self._derive(b"rahnama keys topic index"))

    def tenant(self, name: str) -> TenantKey:
        """The key of one tenant. Names come from the configuration and from signed tokens: there are few."""
        found = self._tenants.get(name)
        if found is None:
            found = self._tenants[name] = TenantKey(name, self._derive(b"rahnama tenant " + name.encode()))
        return found

    def wrap(self, data_key: bytes) -> bytes:
        """A subject's data key as it is kept: 40 bytes."""
        return aes_key_wrap(self._wrapping, data_key)

    def unwrap(self, wrapped: bytes) -> bytes:
        """The data key again. Raises `InvalidUnwrap` when another master key wrapped it."""
        return aes_key_unwrap(self._wrapping, wrapped)

    def _derive(self, info: bytes) -> bytes:
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._master)


def new_data_key() -> bytes:
    """A key for one subject, or for one rejection."""
    return os.urandom(KEY_BYTES)


def seal(data_key: bytes, content: bytes, *, tenant: str, subject: str, kind: str) -> str:
    """AES-256-GCM: `v1.` and base64url, without padding, of nonce ‖ ciphertext ‖ tag.

    It opens only with the same tenant, subject and kind: the fact's type, `rejection` or `key-record`.
    """
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(data_key).encrypt(nonce, content, _associated(tenant, subject, kind))
    return VERSION + base64.urlsafe_b64encode(nonce + sealed).rstrip(b"=").decode()


def unseal(data_key: bytes, envelope: str, *, tenant: str, subject: str, kind: str) -> bytes:
    """The content of an envelope. Raises `InvalidTag` when anything does not fit."""
    if not envelope.startswith(VERSION):
        raise ValueError("an envelope of an unknown version")
    text = envelope[len(VERSION) :]
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return AESGCM(data_key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _associated(tenant, subject, kind))


def _associated(tenant: str, subject: str, kind: str) -> bytes:
    return f"{tenant}\0{subject}\0{kind}".encode()


def uuid7(now: datetime) -> str:
    """A UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds since 1970, 74 of chance."""
    time = f"{int(now.timestamp() * 1000):012x}"
    chance = os.urandom(10).hex()  # 80 bits, of which 74 are used
    variant = VARIANTS[int(chance[0], 16) % len(VARIANTS)]
    return f"{time[:8]}-{time[8:]}-7{chance[1:4]}-{variant}{chance[4:7]}-{chance[7:19]}"
