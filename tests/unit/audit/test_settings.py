"""Audit's own settings."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.audit.settings import Settings


@pytest.fixture
def needed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What has no default."""
    monkeypatch.setenv("RAHNAMA_DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("RAHNAMA_JWKS_FILE", "keys.json")
    return monkeypatch


@pytest.mark.usefixtures("needed")
def test_what_audit_does_unless_it_is_told_otherwise() -> None:
    settings = Settings()
    assert settings.port == 8003
    assert settings.jwks_file == Path("keys.json")
    assert settings.verification_batch_records == 1000
    assert settings.verification_idle_seconds == 10.0
    assert settings.verification_seconds == 3600.0
    assert settings.producer_urls == {}
    assert settings.log_topics == {"intake": "rahnama.intake", "allocation": "rahnama.allocation"}


def test_the_topics_have_the_installations_prefix(needed: pytest.MonkeyPatch) -> None:
    needed.setenv("RAHNAMA_TOPIC_PREFIX", "t1.")
    assert Settings().log_topics["allocation"] == "t1.rahnama.allocation"


@pytest.mark.parametrize("name", ["VERIFICATION_BATCH_RECORDS", "VERIFICATION_IDLE_SECONDS"])
def test_a_verification_is_bounded(needed: pytest.MonkeyPatch, name: str) -> None:
    for value in ("0", "100000"):
        needed.setenv(f"RAHNAMA_{name}", value)
        with pytest.raises(ValidationError):
            Settings()


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_only_services_that_own_a_log_are_asked(needed: pytest.MonkeyPatch) -> None:
    needed.setenv("RAHNAMA_PRODUCER_URLS", '{"intake": "http://127.0.0.1:8001"}')
    assert Settings().producer_urls == {"intake": "http://127.0.0.1:8001"}
    needed.setenv("RAHNAMA_PRODUCER_URLS", '{"audit": "http://127.0.0.1:8003"}')
    with pytest.raises(ValidationError, match="own logs, not audit"):
        Settings()
