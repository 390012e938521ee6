"""Tokens carry what services ask for and fit the published keys."""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from infra.local.errors import LocalError
from infra.local.keys import Keys, ensure_keys
from infra.local.tokens import ROLES, make_token, parse_centers, parse_hours


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return ensure_keys(tmp_path / "keys")


def claims_of(token: str, keys: Keys) -> dict[str, Any]:
    """Checked as a service checks it: by the kid's public key."""
    jwks = jwt.PyJWKSet.from_dict(json.loads(keys.jwks_file.read_text()))
    key = jwks[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=["EdDSA"], audience="rahnama", issuer="rahnama-local"
    )
    return claims


@pytest.mark.parametrize("role", ROLES)
def test_a_token_names_its_role_and_tenant_and_is_valid_twelve_hours(keys: Keys, role: str) -> None:
    claims = claims_of(make_token(keys, role), keys)
    assert claims["roles"] == [role]
    assert claims["tenant"] == "default"
    assert claims["exp"] - claims["iat"] == 12 * 3600
    assert claims["sub"]
    assert "centers" not in claims


def test_centers_are_there_only_when_given(keys: Keys) -> None:
    claims = claims_of(
        make_token(keys, "operator", centers=[1, 2], tenant="other", subject="me", hours=1), keys
    )
    assert claims["centers"] == [1, 2]
    assert (claims["tenant"], claims["sub"], claims["exp"] - claims["iat"]) == ("other", "me", 3600)


@pytest.mark.parametrize("role", ["", "boss", "Admin"])
def test_an_unknown_role_is_an_error_that_lists_the_roles(keys: Keys, role: str) -> None:
    with pytest.raises(LocalError, match="admin, operator, auditor, upstream, metrics"):
        make_token(keys, role)


def test_centers_are_numbers_separated_by_commas() -> None:
    assert parse_centers("1,2") == [1, 2]
    with pytest.raises(LocalError, match="CENTERS='a,b'"):
        parse_centers("a,b")


def test_hours_are_a_number_that_a_date_can_hold() -> None:
    assert parse_hours("0.5") == 0.5
    assert parse_hours("-1") == -1.0
    for text in ("abc", "nan", "inf", "1e30"):
        with pytest.raises(LocalError, match="HOURS="):
            parse_hours(text)
