"""Allocation's settings, which are those that every service has."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.allocation.settings import Settings


@pytest.fixture
def needed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What has no default."""
    monkeypatch.setenv("RAHNAMA_DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("RAHNAMA_JWKS_FILE", "keys.json")
    return monkeypatch


@pytest.mark.usefixtures("needed")
def test_what_every_service_does_unless_it_is_told_otherwise() -> None:
    assert Settings().model_dump() == {
        "database_url": "postgresql://x",
        "database_pool_size": 8,
        "read_seconds": 10.0,
        "kafka_bootstrap": "127.0.0.1:9092",
        "topic_prefix": "",
        "partitions": 12,
        "host": "127.0.0.1",
        "port": 8002,
        "jwks_file": Path("keys.json"),
        "jwt_issuer": "rahnama-local",
        "token_hours": 24.0,
        "revocations_file": None,
        "connections": 1000,
        "bytes_in_flight": 25165824,
        "cors_origins": "",
        "batch_records": 2000,
        "poll_seconds": 0.2,
        "session_timeout_seconds": 6.0,
        "position_wait_seconds": 2.0,
        "verification_seconds": 3600.0,
        "verifications": 4,
        "subject_reads_per_second": 500,
        "subject_writes_per_second": 2000,
        "tenant_reads_per_second": 1000,
        "tenant_writes_per_second": 4000,
        "log_level": "INFO",
    }


@pytest.mark.parametrize("count", ["0", "7", "258"])
def test_a_partition_count_that_does_not_keep_genders_apart_is_refused(
    needed: pytest.MonkeyPatch, count: str
) -> None:
    needed.setenv("RAHNAMA_PARTITIONS", count)
    with pytest.raises(ValidationError, match="must be even and from 2 to 256"):
        Settings()


def test_without_a_database_there_is_no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAHNAMA_DATABASE_URL", raising=False)
    monkeypatch.setenv("RAHNAMA_JWKS_FILE", "keys.json")
    with pytest.raises(ValidationError, match="database_url"):
        Settings()


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())
