"""Bearer tokens: JWTs of one issuer, checked with its public keys (RFC 7519, RFC 8725)."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import jwt

from shared.errors import Unauthenticated
from shared.http.auth.callers import Caller
from shared.http.auth.keys import KeyFile
from shared.http.auth.revocations import Revocations
from shared.http.numbers import INT4_MAX
from shared.service.settings import ServiceSettings

AUDIENCE: Final = "rahnama"
MAX_TOKEN_CHARACTERS: Final = 8192
CACHED_TOKENS: Final = 2048
MAX_TENANT_CHARACTERS: Final = 64
MAX_SUBJECT_CHARACTERS: Final = 256
LONGEST_HOURS: Final = 24.0
CLOCK_SKEW_SECONDS: Final = 60.0
"""How far an issuer's clock may be ahead."""
_REASONS: Final[Mapping[type[Exception], str]] = {
    jwt.ExpiredSignatureError: "expired",
    jwt.ImmatureSignatureError: "not_yet_valid",
    jwt.InvalidSignatureError: "signature_invalid",
    jwt.InvalidIssuerError: "issuer_unknown",
    jwt.InvalidAudienceError: "audience_unknown",
    jwt.MissingRequiredClaimError: "claim_missing",
}


class TokenVerifier:
    """Turns a token into its `Caller`. A verified one is remembered until it expires (a check costs 0.1 ms)."""

    def __init__(
        self,
        jwks_file: Path,
        issuer: str,
        *,
        longest_hours: float = LONGEST_HOURS,
        revocations_file: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises `Misconfigured` when a file cannot be used.

        Args:
            longest_hours: a token's longest lifetime, from `iat` to `exp`. A token whose only role is `metrics` may live
                longer, because scrapers read theirs from a file.
        """
        self._issuer = issuer
        self._longest_seconds = longest_hours * 3600
        self._clock = clock
        self._verified: OrderedDict[str, tuple[Caller, float]] = OrderedDict()
        self._keys = KeyFile(jwks_file, self._verified.clear)
        self._revocations = Revocations(revocations_file, self._verified.clear)

    def verify(self, token: str) -> Caller:
        """The token's caller. Raises `Unauthenticated`, always with the same message; its `reason` is for the log."""
        self._keys.refresh()
        self._revocations.refresh()
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
            raise unauthenticated("too_long")
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = self._keys.find(kid)
            if key is None:
                raise unauthenticated("key_unknown")
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={"require": ["exp", "iat", "iss", "aud", "sub"], "verify_iat": False},
            )
            expires_at, issued_at = float(claims["exp"]), float(claims["iat"])
        except jwt.PyJWTError as error:
            raise unauthenticated(_REASONS.get(type(error), "invalid")) from None
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise unauthenticated("malformed") from None
        self._check_times(claims, issued_at, expires_at)
        caller = caller_of(claims)
        if self._revocations.includes(claims):
            raise unauthenticated("revoked")
        return caller, expires_at

    def _check_times(self, claims: Mapping[str, Any], issued_at: float, expires_at: float) -> None:
        now = self._clock()
        if not now < expires_at:
            raise unauthenticated("expired")
        if not issued_at <= now + CLOCK_SKEW_SECONDS:
            raise unauthenticated("issued_in_the_future")
        if not expires_at - issued_at <= self._longest_seconds and claims.get("roles") != ["metrics"]:
            raise unauthenticated("lifetime_too_long")


def verifier_of(settings: ServiceSettings) -> TokenVerifier:
    """Checks tokens as set. Raises `Misconfigured` when a file cannot be used."""
    return TokenVerifier(
        settings.jwks_file,
        settings.jwt_issuer,
        longest_hours=settings.token_hours,
        revocations_file=settings.revocations_file,
    )


def unauthenticated(reason: str) -> Unauthenticated:
    """The one answer to every token that is not accepted; `reason` is logged, not answered."""
    return Unauthenticated("A valid bearer token is needed.", reason=reason)


def caller_of(claims: Mapping[str, Any]) -> Caller:
    """The claims `sub`, `tenant`, `roles` and `centers`. Raises `Unauthenticated` unless they are well-formed."""
    tenant, subject = claims.get("tenant"), claims.get("sub")
    roles, centers = claims.get("roles"), claims.get("centers")
    if not _is_name(tenant, MAX_TENANT_CHARACTERS) or not _is_name(subject, MAX_SUBJECT_CHARACTERS):
        raise unauthenticated("claims_invalid")
    if not isinstance(roles, list) or not roles or not all(isinstance(role, str) for role in roles):
        raise unauthenticated("claims_invalid")
    if centers is not None and not (
        isinstance(centers, list)
        and all(type(center) is int and 0 <= center <= INT4_MAX for center in centers)
    ):
        raise unauthenticated("claims_invalid")
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
