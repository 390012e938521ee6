"""Tokens: only what the issuer signed, for us, and for as long as it said."""

import json
import os
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.local.keys import public_jwk
from shared.errors import Misconfigured, Unauthenticated
from shared.http import files
from shared.http.auth.callers import Caller
from shared.http.auth.keys import read_jwks
from shared.http.auth.tokens import CACHED_TOKENS, TokenVerifier, caller_of
from tests.tokens import TestIssuer


def verifier(issuer: TestIssuer) -> TokenVerifier:
    return TokenVerifier(issuer.jwks_file, issuer.issuer)


def refused(checked: TokenVerifier, token: str) -> bool:
    try:
        checked.verify(token)
    except Unauthenticated:
        return True
    return False


def test_a_valid_token_gives_its_caller(issuer: TestIssuer) -> None:
    token = issuer.token("operator", tenant="school", sub="ali", centers=[1, 2])
    caller = verifier(issuer).verify(token)
    assert caller == Caller("school", "ali", frozenset({"operator"}), frozenset({1, 2}))
    assert caller.center_filter() == [1, 2]


def test_without_centers_all_centers_are_seen(issuer: TestIssuer) -> None:
    caller = verifier(issuer).verify(issuer.token("operator"))
    assert caller.centers is None
    assert caller.center_filter() is None


@pytest.mark.parametrize("center", [-1, 2**31, True, "1", 1.0])
def test_a_center_that_cannot_be_one_makes_the_token_worthless(issuer: TestIssuer, center: object) -> None:
    with pytest.raises(Unauthenticated):
        verifier(issuer).verify(issuer.token("operator", centers=[center]))


def test_an_empty_list_of_centers_sees_none(issuer: TestIssuer) -> None:
    assert verifier(issuer).verify(issuer.token("operator", centers=[])).center_filter() == []


def test_no_untrusted_token_is_accepted_first_or_again(issuer: TestIssuer) -> None:
    checked = verifier(issuer)
    checked.verify(issuer.token("admin"))
    for wrong, token in issuer.untrusted().items():
        for _ in range(2):
            assert refused(checked, token), wrong


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "\x00", "é.é.é", "a" * 100_000, "." * 9000])
def test_garbage_is_no_token(issuer: TestIssuer, token: str) -> None:
    with pytest.raises(Unauthenticated):
        verifier(issuer).verify(token)


@pytest.mark.parametrize("exp", [float("inf"), "never", True, None, [], 1e400, -1])
def test_an_expiry_that_is_no_time_is_refused(issuer: TestIssuer, exp: Any) -> None:
    with pytest.raises(Unauthenticated):
        verifier(issuer).verify(issuer.sign({**issuer.claims("admin"), "exp": exp}))


def test_a_remembered_token_still_expires(issuer: TestIssuer) -> None:
    now = time.time()
    checked = TokenVerifier(issuer.jwks_file, issuer.issuer, clock=lambda: now)
    token = issuer.token("operator", exp=int(now) + 100)
    checked.verify(token)
    now += 101
    with pytest.raises(Unauthenticated):
        checked.verify(token)


def test_a_remembered_token_is_not_checked_again(issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = verifier(issuer)
    token = issuer.token("operator")
    first = checked.verify(token)
    monkeypatch.setattr(jwt, "decode", lambda *_args, **_options: pytest.fail("checked again"))
    assert checked.verify(token) is first


def test_remembered_tokens_are_bounded(issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = verifier(issuer)
    claims = issuer.claims("operator")
    monkeypatch.setattr(checked, "_check", lambda _token: (caller_of(claims), claims["exp"]))
    for number in range(CACHED_TOKENS + 10):
        checked.verify(str(number))
    assert len(checked._verified) == CACHED_TOKENS


def rotate(issuer: TestIssuer, entries: list[dict[str, Any]]) -> None:
    """Replaces the key file as an operator would, with another modification time."""
    fresh = issuer.jwks_file.with_suffix(".new")
    fresh.write_text(json.dumps({"keys": entries}))
    os.utime(fresh, (1, time.time_ns() % 10**9))
    fresh.replace(issuer.jwks_file)


def test_a_new_key_is_found_and_a_removed_one_is_forgotten(
    issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHECK_SECONDS", 0)
    checked = verifier(issuer)
    old = issuer.token("operator")
    checked.verify(old)
    issuer.key = Ed25519PrivateKey.generate()
    new = issuer.token("operator")
    with pytest.raises(Unauthenticated):
        checked.verify(new)
    rotate(issuer, [dict(public_jwk(issuer.key))])
    checked.verify(new)
    with pytest.raises(Unauthenticated):
        checked.verify(old)


def test_a_broken_key_file_keeps_the_keys_that_were_read(
    issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHECK_SECONDS", 0)
    checked = verifier(issuer)
    issuer.jwks_file.write_text("{")
    assert checked.verify(issuer.token("operator")).roles == {"operator"}
    issuer.jwks_file.unlink()
    assert checked.verify(issuer.token("auditor")).roles == {"auditor"}


def test_the_key_file_is_not_looked_at_for_every_token(issuer: TestIssuer) -> None:
    checked = verifier(issuer)
    checked.verify(issuer.token("operator"))
    rotate(issuer, [dict(public_jwk(Ed25519PrivateKey.generate()))])
    assert checked.verify(issuer.token("operator")).roles == {"operator"}


def jwk_of(key: Any, algorithm: str, **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**made, **more}


def issuer_with(folder: Path, *entries: dict[str, Any]) -> TestIssuer:
    made = TestIssuer(folder)
    made.jwks_file.write_text(json.dumps({"keys": list(entries)}))
    return made


def test_keys_of_an_oidc_issuer_are_used_with_their_own_algorithm_only(tmp_path: Path) -> None:
    rsa_key = rsa.generate_private_key(65537, 2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    issuer = issuer_with(
        tmp_path, jwk_of(rsa_key, "RS256", kid="r", alg="RS256"), jwk_of(ec_key, "ES256", kid="e")
    )
    checked = verifier(issuer)
    claims = issuer.claims("operator")
    for key, algorithm, kid in ((rsa_key, "RS256", "r"), (ec_key, "ES256", "e")):
        assert checked.verify(jwt.encode(claims, key, algorithm, headers={"kid": kid})).tenant == "default"
    for algorithm in ("RS512", "PS256"):
        with pytest.raises(Unauthenticated):
            checked.verify(jwt.encode(claims, rsa_key, algorithm, headers={"kid": "r"}))
    with pytest.raises(Unauthenticated):
        checked.verify(jwt.encode(claims, rsa_key, "RS256", headers={"kid": "e"}))


def test_a_token_without_kid_is_checked_with_the_only_key(tmp_path: Path) -> None:
    issuer = TestIssuer(tmp_path)
    token = jwt.encode(issuer.claims("operator"), issuer.key, "EdDSA")
    verifier(issuer).verify(token)
    two = issuer_with(tmp_path, dict(public_jwk(issuer.key)), dict(public_jwk(Ed25519PrivateKey.generate())))
    with pytest.raises(Unauthenticated):
        verifier(two).verify(token)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"keys": []}',
        '{"keys": [1]}',
        '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "enc", "x": "AA"}]}',
        '{"keys": [{"kty": "EC", "crv": "P-521"}]}',
        '{"keys": [{"kty": "OKP", "crv": ["Ed25519"], "x": "AA"}]}',
        '{"keys": [{"kty": "OKP", "crv": {}, "x": "AA"}]}',
        '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": 1}]}',
        '{"keys": [{"kty": "EC", "crv": "P-256", "x": ["x"], "y": null}]}',
        '{"keys": [{"kty": "RSA", "n": 5, "e": {}}]}',
        '{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": null}]}',
        "[" * 100_000,
        "not json",
    ],
)
def test_a_key_file_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path, text: str) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"^RAHNAMA_JWKS_FILE: .*jwks\.json: [^\n]+$"):
        TokenVerifier(file, "issuer")


@pytest.mark.parametrize("kid", [["x"], {}, 1])
def test_a_key_whose_name_is_no_text_is_refused_at_the_start(issuer: TestIssuer, kid: object) -> None:
    entry = {**public_jwk(issuer.key), "kid": kid}
    issuer.jwks_file.write_text(json.dumps({"keys": [entry]}))
    with pytest.raises(Misconfigured, match=r"^RAHNAMA_JWKS_FILE: [^\n]+$"):
        verifier(issuer)


@pytest.mark.parametrize("broken", ["[" * 100_000, '{"keys": [{"kty": "OKP", "crv": ["x"]}]}'])
def test_a_malformed_key_file_keeps_the_keys_that_were_read(
    issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setattr(files, "CHECK_SECONDS", 0)
    checked = verifier(issuer)
    token = issuer.token("operator")
    issuer.jwks_file.write_text(broken)
    assert not refused(checked, token)


def test_a_short_rsa_key_is_passed_over() -> None:
    short = rsa.generate_private_key(65537, 1024)
    with pytest.raises(ValueError):
        read_jwks(json.dumps({"keys": [jwk_of(short, "RS256", kid="r")]}))


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": int(time.time()) - 10}, "expired"),
        ({"iat": int(time.time()) + 3600, "exp": int(time.time()) + 7200}, "issued_in_the_future"),
        ({"iat": int(time.time()) - 3600, "exp": int(time.time()) + 23 * 3600 + 10}, "lifetime_too_long"),
        ({"iat": None}, "claim_missing"),
        ({"iat": float("nan")}, "issued_in_the_future"),
        ({"aud": "elsewhere"}, "audience_unknown"),
        ({"iss": "elsewhere"}, "issuer_unknown"),
        ({"tenant": ""}, "claims_invalid"),
    ],
)
def test_a_refused_token_has_a_reason_for_the_log(
    issuer: TestIssuer, claims: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Unauthenticated) as caught:
        verifier(issuer).verify(issuer.token("operator", **claims))
    assert caught.value.reason == reason


def test_a_token_lives_as_long_as_is_set_and_a_scrapers_longer(issuer: TestIssuer) -> None:
    hour: dict[str, Any] = {"iat": int(time.time()), "exp": int(time.time()) + 3600}
    short = TokenVerifier(issuer.jwks_file, issuer.issuer, longest_hours=0.5)
    assert refused(short, issuer.token("operator", **hour))
    assert refused(short, issuer.token(["metrics", "operator"], **hour))
    assert not refused(short, issuer.token("metrics", **hour))
    assert not refused(verifier(issuer), issuer.token("operator", **hour))


def test_a_revoked_token_or_subject_is_refused_as_soon_as_the_file_says_so(
    issuer: TestIssuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHECK_SECONDS", 0)
    revocations = tmp_path / "revoked.json"
    revocations.write_text("{}")
    checked = TokenVerifier(issuer.jwks_file, issuer.issuer, revocations_file=revocations)
    lost, kept = issuer.token("operator", jti="1"), issuer.token("operator", jti="2")
    gone = issuer.token("operator", sub="gone")
    assert not any(refused(checked, token) for token in (lost, kept, gone))
    revocations.write_text('{"jti": ["1"], "sub": ["gone"]}')
    assert [refused(checked, token) for token in (lost, kept, gone)] == [True, False, True]
    revocations.write_text("not a document")
    assert refused(checked, lost), "an unusable file keeps what was revoked"
    revocations.write_text('{"jti": []}')
    assert not refused(checked, lost)


def test_a_subject_is_revoked_in_its_tenant_alone_unless_it_is_given_as_text(
    issuer: TestIssuer, tmp_path: Path
) -> None:
    revocations = tmp_path / "revoked.json"
    revocations.write_text('{"sub": ["both", {"tenant": "one", "sub": "ali"}]}')
    checked = TokenVerifier(issuer.jwks_file, issuer.issuer, revocations_file=revocations)
    found = {
        (tenant, sub): refused(checked, issuer.token("operator", tenant=tenant, sub=sub))
        for tenant in ("one", "two")
        for sub in ("ali", "both", "one")
    }
    assert [caller for caller, is_refused in found.items() if is_refused] == [
        ("one", "ali"), ("one", "both"), ("two", "both"),
    ]  # fmt: skip
    unhashable: dict[str, Any] = {"tenant": ["one"], "sub": "ali"}
    assert refused(checked, issuer.token("operator", **unhashable))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"jti": "1"}',
        '{"tokens": []}',
        '{"sub": [1]}',
        '{"sub": [{"sub": "x"}]}',
        "[" * 100_000,
        '{"sub": ' + "[" * 100_000,
    ],
)
def test_a_file_that_is_no_list_of_revocations_ends_the_start(
    issuer: TestIssuer, tmp_path: Path, content: str
) -> None:
    revocations = tmp_path / "revoked.json"
    revocations.write_text(content)
    with pytest.raises(Misconfigured, match="RAHNAMA_REVOCATIONS_FILE"):
        TokenVerifier(issuer.jwks_file, issuer.issuer, revocations_file=revocations)
    with pytest.raises(Misconfigured, match="RAHNAMA_REVOCATIONS_FILE"):
        TokenVerifier(issuer.jwks_file, issuer.issuer, revocations_file=tmp_path / "absent.json")
