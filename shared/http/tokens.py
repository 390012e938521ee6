"""Bearer tokens: JWTs of one issuer, checked with its public keys (RFC 7519, RFC 8725)."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import jwt

from shared.errors import Unauthenticated
from shared.http.callers import Caller
from shared.http.keys import KeyFile
from shared.http.numbers import INT4_MAX

AUDIENCE: Final = "rahnama"
MAX_TOKEN_CHARACTERS: Final = 8192
CACHED_TOKENS: Final = 2048
MAX_TENANT_CHARACTERS: Final = 64
MAX_SUBJECT_CHARACTERS: Final = 256
_REFUSED: Final = "A valid bearer token is needed."


class TokenVerifier:
    """Turns a token into its `Caller`. A verified one is remembered until it expires (a check costs 0.1 ms)."""

    def __init__(self, jwks_file: Path, issuer: str, *, clock: Callable[[], float] = time.time) -> None:
        """Raises `Misconfigured` when the key file cannot be used."""
        self._issuer = issuer
        self._clock = clock
        self._verified: OrderedDict[str, tuple[Caller, float]] = OrderedDict()
        self._keys = KeyFile(jwks_file, self._verified.clear)

    def verify(self, token: str) -> Caller:
        """The token's caller. Raises `Unauthenticated`, always with the same words."""
        self._keys.refresh()
        known = self._verified.get(token)
        if known is not None:
            caller, expires_at = known
            if self._clock() < expires_at:
                self._verified.move_to_end(token)
                return caller
            del self._verified[token]
        caller, expires_at = self._check(token)
        self._verified[token] = caller, expires_at
        while len(self._verified) > CACHED_TOKENS:
            self._verified.popitem(last=False)
        return caller

    def _check(self, token: str) -> tuple[Caller, float]:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthenticated(_REFUSED)
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = self._keys.find(kid)
            if key is None:
                raise Unauthenticated(_REFUSED)
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={"require": ["exp", "iss", "aud", "sub"], "verify_iat": False},
            )
            expires_at = float(claims["exp"])
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise Unauthenticated(_REFUSED) from None
        if not self._clock() < expires_at:
            raise Unauthenticated(_REFUSED)
        return caller_of(claims), expires_at


def caller_of(claims: Mapping[str, Any]) -> Caller:
    """The claims `sub`, `tenant`, `roles` and `centers`. Raises `Unauthenticated` unless they are well-formed."""
    tenant, subject = claims.get("tenant"), claims.get("sub")
    roles, centers = claims.get("roles"), claims.get("centers")
    if not _is_name(tenant, MAX_TENANT_CHARACTERS) or not _is_name(subject, MAX_SUBJECT_CHARACTERS):
        raise Unauthenticated(_REFUSED)
    if not isinstance(roles, list) or not roles or not all(isinstance(role, str) for role in roles):
        raise Unauthenticated(_REFUSED)
    if centers is not None and not (
        isinstance(centers, list)
        and all(type(center) is int and 0 <= center <= INT4_MAX for center in centers)
    ):
        raise Unauthenticated(_REFUSED)
    return Caller(
        tenant=str(tenant),
        subject=str(subject),
        roles=frozenset(roles),
        centers=None if centers is None else frozenset(centers),
    )


def _is_name(value: object, longest: int) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= longest
        and value.isprintable()
        and value == value.strip()
    )
