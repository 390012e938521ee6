"""An issuer of tokens for tests, and the tokens that nobody may accept."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infra.local.keys import public_jwk

AUDIENCE = "rahnama"
HOUR_SECONDS = 3600


class TestIssuer:
    """Signs tokens with an Ed25519 key of its own; `jwks_file` holds the public half."""

    __test__ = False

    def __init__(self, folder: Path, issuer: str = "rahnama-local") -> None:
        self.issuer = issuer
        self.key = Ed25519PrivateKey.generate()
        self.jwks_file = folder / "jwks.json"
        self.jwks_file.write_text(json.dumps({"keys": [public_jwk(self.key)]}), encoding="utf-8")

    def claims(self, role: str | Sequence[str], tenant: str = "default", **claims: Any) -> dict[str, Any]:
        """A valid token's claims; one given as None is left out."""
        roles = [role] if isinstance(role, str) else list(role)
        made = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": f"test-{'-'.join(roles)}",
            "iat": int(time.time()),
            "exp": int(time.time()) + HOUR_SECONDS,
            "tenant": tenant,
            "roles": roles,
            **claims,
        }
        return {name: value for name, value in made.items() if value is not None}

    def sign(self, claims: dict[str, Any], *, headers: dict[str, Any] | None = None) -> str:
        """A token with exactly these claims."""
        kid = public_jwk(self.key)["kid"]
        return jwt.encode(claims, self.key, algorithm="EdDSA", headers={"kid": kid, **(headers or {})})

    def token(self, role: str | Sequence[str], tenant: str = "default", **claims: Any) -> str:
        """A valid token; `claims` replace its own, and None leaves one out."""
        return self.sign(self.claims(role, tenant, **claims))

    def headers(self, role: str | Sequence[str], tenant: str = "default", **claims: Any) -> dict[str, str]:
        """The Authorization header of a token."""
        return {"Authorization": f"Bearer {self.token(role, tenant, **claims)}"}

    def untrusted(self, role: str = "admin") -> dict[str, str]:
        """Tokens that must be refused, by what is wrong with them."""
        claims = self.claims(role)
        kid = public_jwk(self.key)["kid"]
        public = self.key.public_key()
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        valid = self.sign(claims)
        head, body, signature = valid.split(".")
        return {
            "expired": self.token(role, exp=int(time.time()) - HOUR_SECONDS),
            "not yet valid": self.token(role, nbf=int(time.time()) + HOUR_SECONDS),
            "signed by another key": jwt.encode(
                claims, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": kid}
            ),
            "alg none": f"{_part({'alg': 'none', 'typ': 'JWT', 'kid': kid})}.{_part(claims)}.",
            "alg none with a signature": f"{_part({'alg': 'none', 'kid': kid})}.{body}.{signature}",
            "HS256 with the public key as secret": _hs256(claims, kid, raw),
            "HS256 with the public PEM as secret": _hs256(claims, kid, pem),
            "other claims under a valid signature": f"{head}.{_part({**claims, 'tenant': 'x'})}.{signature}",
            "another issuer": self.token(role, iss="elsewhere"),
            "another audience": self.token(role, aud="elsewhere"),
            **{
                f"no {claim}": self.sign({name: claims[name] for name in claims if name != claim})
                for claim in claims
            },
            "an empty tenant": self.token(role, tenant=""),
            "an empty list of roles": self.token(role, roles=[]),
            "roles that are no list": self.token(role, roles=role),
            "centers that are no numbers": self.token(role, centers=["1"]),
            "an unknown key": self.sign(claims, headers={"kid": "unknown"}),
            "garbage": "not.a.token",
            "cut": valid[:-10],
        }


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def _hs256(claims: dict[str, Any], kid: str, secret: bytes) -> str:
    """Made by hand: the library refuses to."""
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{_part(claims)}"
    mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
