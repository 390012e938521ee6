"""The keys of one local system: the master key, the token issuer's key, and the public half that services check with."""

import base64
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class Keys:
    """The files in one folder. Only intake is told where the master key is, and no service the issuer's."""

    folder: Path

    @property
    def master_key_file(self) -> Path:
        """32 random bytes, base64; without it no sealed personal data opens again."""
        return self.folder / "master.key"

    @property
    def issuer_file(self) -> Path:
        """Ed25519, PKCS#8 PEM."""
        return self.folder / "issuer.pem"

    @property
    def jwks_file(self) -> Path:
        """Public keys only (RFC 7517, RFC 8037)."""
        return self.folder / "jwks.json"

    def issuer(self) -> Ed25519PrivateKey:
        """The key that signs tokens."""
        key = load_pem_private_key(self.issuer_file.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError(f"{self.issuer_file} holds no Ed25519 key")
        return key


def ensure_keys(folder: Path) -> Keys:
    """Make what is missing; what is there stays, for data was sealed and tokens were signed with it."""
    keys = Keys(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not keys.master_key_file.exists():
        _write(keys.master_key_file, base64.b64encode(secrets.token_bytes(32)) + b"\n")
    if not keys.issuer_file.exists():
        fresh = Ed25519PrivateKey.generate()
        _write(keys.issuer_file, fresh.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    jwks = json.dumps({"keys": [public_jwk(keys.issuer())]}, indent=2).encode() + b"\n"
    if not keys.jwks_file.exists() or keys.jwks_file.read_bytes() != jwks:
        _write(keys.jwks_file, jwks, mode=0o644)
    return keys


def public_jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    """Its `kid` is the thumbprint (RFC 7638), so it needs no bookkeeping."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    required = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}
    thumbprint = hashlib.sha256(json.dumps(required, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {**required, "kid": _base64url(thumbprint), "alg": "EdDSA", "use": "sig"}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Whole or not at all; the mode holds from the first byte."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    fresh.replace(path)
