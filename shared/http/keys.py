"""The public keys that tokens are checked with: a JWKS file (RFC 7517), read again when it changed."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
import structlog

from shared.errors import Misconfigured
from shared.telemetry import described

ALGORITHMS: Final = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("RSA", None): "RS256"}
"""Which algorithm a key of a (kty, crv) is for. Nothing in a token can choose another."""
MIN_RSA_BITS: Final = 2048
LOOK_SECONDS: Final = 2.0
"""The file is looked at no more often than this."""
MAX_FILE_BYTES: Final = 1 << 20

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key and the one algorithm it is used with."""

    algorithm: str
    key: Any


def read_jwks(text: str | bytes) -> dict[str | None, VerificationKey]:
    """The keys of a JWKS by `kid` (None for one without). Keys for other purposes are passed over.

    Raises `ValueError` for what is no JWKS, holds a private key, or no key that tokens can be checked with.
    """
    document = json.loads(text)
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
            found[entry.get("kid")] = key
    if not found:
        raise ValueError("the JWKS holds no key of a known kind (Ed25519, P-256, RSA from 2048 bits)")
    return found


def _read_key(entry: Mapping[str, Any]) -> VerificationKey | None:
    algorithm = ALGORITHMS.get((str(entry.get("kty")), entry.get("crv")))
    if algorithm is None or entry.get("use", "sig") != "sig" or entry.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK(dict(entry), algorithm).key
    except jwt.PyJWTError as error:
        raise ValueError("a key of the JWKS cannot be read") from error
    if algorithm == "RS256" and key.key_size < MIN_RSA_BITS:
        return None
    return VerificationKey(algorithm, key)


class KeyFile:
    """The keys of a JWKS file. `changed` is called after other keys were read."""

    def __init__(
        self, path: Path, changed: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises `Misconfigured` when the file cannot be used."""
        self._path = path
        self._changed = changed
        self._clock = clock
        try:
            self._mark = self._look()
            self._keys = read_jwks(self._read())
        except OSError as error:
            raise Misconfigured(f"RAHNAMA_JWKS_FILE: {path}: {error.strerror}") from None
        except ValueError as error:
            raise Misconfigured(f"RAHNAMA_JWKS_FILE: {path}: {error}") from None
        self._looked_at = clock()

    def find(self, kid: str | None) -> VerificationKey | None:
        """The key a token names. One without a name is checked only if there is just one key."""
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    def refresh(self) -> None:
        """Reads the file again if it changed; at most once in `LOOK_SECONDS`. Keeps the keys if it is unusable."""
        now = self._clock()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        try:
            mark = self._look()
            if mark == self._mark:
                return
            keys = read_jwks(self._read())
        except (OSError, ValueError) as error:
            _log.warning("jwks_unusable", error=described(error))
            return
        self._mark, self._keys = mark, keys
        self._changed()

    def _look(self) -> tuple[int, int, int]:
        found = self._path.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _read(self) -> bytes:
        with self._path.open("rb") as file:
            return file.read(MAX_FILE_BYTES)
