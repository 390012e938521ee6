"""Bearer tokens of the local issuer."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import jwt

from infra.local.errors import LocalError
from infra.local.keys import Keys, public_jwk

ISSUER = "rahnama-local"
AUDIENCE = "rahnama"
ROLES = ("admin", "operator", "auditor", "upstream", "metrics")
DEFAULT_HOURS = 12.0
MAX_HOURS = 87_600


def make_token(
    keys: Keys,
    role: str,
    *,
    tenant: str = "default",
    centers: Sequence[int] | None = None,
    subject: str | None = None,
    hours: float = DEFAULT_HOURS,
    age_hours: float = 0.0,
) -> str:
    """A signed JWT. `centers` limits an operator; None leaves the claim out. Negative `hours`, and an age, are for tests."""
    if role not in ROLES:
        asked = f"{role!r} is no role" if role else "A role is missing"
        raise LocalError(f"{asked}. Choose one of {', '.join(ROLES)}, for example: make token ROLE=operator")
    issued_at = datetime.now(UTC)
    claims: dict[str, object] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject or f"local-{role}",
        "iat": issued_at - timedelta(hours=age_hours),
        "exp": issued_at + timedelta(hours=hours),
        "tenant": tenant,
        "roles": [role],
    }
    if centers is not None:
        claims["centers"] = list(centers)
    issuer = keys.issuer()
    return jwt.encode(claims, issuer, algorithm="EdDSA", headers={"kid": public_jwk(issuer)["kid"]})


def parse_centers(text: str) -> list[int]:
    """`1,2` → [1, 2]."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise LocalError(f"CENTERS={text!r}: give the numbers of centres, separated by commas: 1,2") from None


def parse_hours(text: str) -> float:
    """`0.5` → 0.5. Less than nothing makes a token that has expired already, which tests need."""
    try:
        hours = float(text)
    except ValueError:
        hours = math.nan
    if not abs(hours) <= MAX_HOURS:
        raise LocalError(f"HOURS={text!r}: give a number of hours, at most {MAX_HOURS}")
    return hours
