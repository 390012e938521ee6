"""Intake's own settings."""

import base64
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.intake.settings import Settings


@pytest.fixture
def key_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the master key will be; what has no default is set."""
    file = tmp_path / "master.key"
    monkeypatch.setenv("RAHNAMA_DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("RAHNAMA_JWKS_FILE", "keys.json")
    monkeypatch.setenv("RAHNAMA_MASTER_KEY_FILE", str(file))
    return file


@pytest.mark.usefixtures("key_file")
def test_what_intake_does_unless_it_is_told_otherwise() -> None:
    settings = Settings()
    assert settings.port == 8001
    assert settings.sources == {"/upstream/demo": "default"}
    assert settings.transactions_in_flight == 1
    assert settings.gather_milliseconds == 60
    assert settings.queued_events == 6_000
    assert settings.request_events == 1000
    assert settings.request_bytes == 8 * 1024 * 1024
    assert settings.event_bytes == 256 * 1024
    assert settings.tenants_with_spreadsheets == frozenset()


@pytest.mark.usefixtures("key_file")
def test_sources_are_a_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAHNAMA_SOURCES", '{"/upstream/sabt": "sabt"}')
    assert Settings().sources == {"/upstream/sabt": "sabt"}


@pytest.mark.usefixtures("key_file")
def test_tenants_with_spreadsheets_are_named_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAHNAMA_SOURCES", '{"/a": "a", "/b": "b", "/c": "c"}')
    monkeypatch.setenv("RAHNAMA_SPREADSHEET_TENANTS", "a, b,")
    assert Settings().tenants_with_spreadsheets == {"a", "b"}


@pytest.mark.usefixtures("key_file")
def test_a_tenant_with_spreadsheets_but_without_a_source_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAHNAMA_SPREADSHEET_TENANTS", "default,defualt")
    with pytest.raises(ValidationError, match="each is a tenant of RAHNAMA_SOURCES"):
        Settings()


@pytest.mark.usefixtures("key_file")
@pytest.mark.parametrize("name", ["TRANSACTIONS_IN_FLIGHT", "QUEUED_EVENTS", "REQUEST_EVENTS", "EVENT_BYTES"])
def test_a_bound_of_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"RAHNAMA_{name}", "0")
    with pytest.raises(ValidationError):
        Settings()


def test_the_master_key_is_read_from_its_file(key_file: Path) -> None:
    key_file.write_text(base64.b64encode(bytes(range(32))).decode() + "\n")
    assert Settings().read_master_key() == bytes(range(32))


@pytest.mark.parametrize("content", ["", "no base64!", base64.b64encode(bytes(31)).decode()])
def test_what_is_no_master_key_is_refused_without_being_repeated(key_file: Path, content: str) -> None:
    key_file.write_text(content)
    with pytest.raises(ValueError, match="does not hold a master key") as refused:
        Settings().read_master_key()
    assert not content or content not in str(refused.value)


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())
