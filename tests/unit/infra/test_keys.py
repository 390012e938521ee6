"""Keys are made once, private ones are readable by their owner alone, and the public file holds nothing private."""

import base64
import json
import stat
from pathlib import Path

from infra.local.keys import ensure_keys


def test_keys_are_made_once_and_kept(tmp_path: Path) -> None:
    first = ensure_keys(tmp_path / "keys")
    before = {file.name: file.read_bytes() for file in first.folder.iterdir()}
    ensure_keys(tmp_path / "keys")
    assert {file.name: file.read_bytes() for file in first.folder.iterdir()} == before
    assert before.keys() == {"master.key", "issuer.pem", "jwks.json"}


def test_the_master_key_is_32_bytes_in_base64(tmp_path: Path) -> None:
    keys = ensure_keys(tmp_path / "keys")
    assert len(base64.b64decode(keys.master_key_file.read_text(), validate=False)) == 32


def test_private_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    keys = ensure_keys(tmp_path / "keys")
    for private in (keys.master_key_file, keys.issuer_file):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600


def test_the_jwks_holds_the_public_half_only(tmp_path: Path) -> None:
    [jwk] = json.loads(ensure_keys(tmp_path / "keys").jwks_file.read_text())["keys"]
    assert jwk.keys() == {"crv", "kty", "x", "kid", "alg", "use"}
    assert (jwk["kty"], jwk["crv"], jwk["alg"]) == ("OKP", "Ed25519", "EdDSA")


def test_a_lost_jwks_is_derived_again_from_the_issuers_key(tmp_path: Path) -> None:
    keys = ensure_keys(tmp_path / "keys")
    before = keys.jwks_file.read_bytes()
    keys.jwks_file.unlink()
    assert ensure_keys(tmp_path / "keys").jwks_file.read_bytes() == before
