"""The public keys that tokens are checked with: a JWKS file (RFC 7517), read again when it changed."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt

from shared.http.files import WatchedFile

ALGORITHMS: Final = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("RSA", None): "RS256"}
"""Which algorithm a key of a (kty, crv) is for. Nothing in a token can choose another."""
MIN_RSA_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key and the one algorithm it is used with."""

    algorithm: str
    key: Any


def read_jwks(text: str | bytes) -> dict[str | None, VerificationKey]:
    """The keys of a JWKS by `kid` (None for one without). Keys for other purposes are passed over.

    Raises `ValueError` for what is no JWKS, holds a private key, or no key that tokens can be checked with.
    """
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("the JWKS is nested too deep") from None
    if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
        raise ValueError("a JWKS is an object with a list `keys`")
    found: dict[str | None, VerificationKey] = {}
    for entry in document["keys"]:
        if not isinstance(entry, dict):
            raise ValueError("a key of a JWKS is an object")
        if "d" in entry or entry.get("kty") == "oct":
            raise ValueError("the JWKS holds a secret; services are given public keys only")
        key = _read_key(entry)
        if key is not None:
            kid = entry.get("kid")
            if not isinstance(kid, str | None):
                raise ValueError("a `kid` of the JWKS is not text")
            found[kid] = key
    if not found:
        raise ValueError("the JWKS holds no key of a known kind (Ed25519, P-256, RSA from 2048 bits)")
    return found


def _read_key(entry: Mapping[str, Any]) -> VerificationKey | None:
    curve = entry.get("crv")
    if not isinstance(curve, str | None):
        raise ValueError("a `crv` of the JWKS is not text")
    algorithm = ALGORITHMS.get((str(entry.get("kty")), curve))
    if algorithm is None or entry.get("use", "sig") != "sig" or entry.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK(dict(entry), algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise ValueError("a key of the JWKS cannot be read") from error
    if algorithm == "RS256" and key.key_size < MIN_RSA_BITS:
        return None
    return VerificationKey(algorithm, key)


class KeyFile:
    """The keys of a JWKS file. `changed` is called after other keys were read."""

    def __init__(self, path: Path, changed: Callable[[], None]) -> None:
        """Raises `Misconfigured` when the file cannot be used."""
        self._file = WatchedFile(path, read_jwks, changed, setting="RAHNAMA_JWKS_FILE")

    def find(self, kid: str | None) -> VerificationKey | None:
        """The key a token names. One without a name is checked only if there is just one key."""
        keys = self._file.content
        if kid is None:
            return next(iter(keys.values())) if len(keys) == 1 else None
        return keys.get(kid)

    def refresh(self) -> None:
        """Reads the file again if it changed. Keeps the keys if it is unusable."""
        self._file.refresh()
