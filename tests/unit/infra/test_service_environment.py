"""Each service gets the variables that it needs, and no other service's."""

from pathlib import Path

import pytest

from infra.local.databases import describe_databases, role_password
from infra.local.keys import Keys
from infra.local.service import service_environment
from infra.services import NAMES

ADMIN = "postgresql://postgres:top-secret@127.0.0.1:5432/postgres"
DATABASES = describe_databases(ADMIN)


def environment_of(service: str) -> dict[str, str]:
    keys = Keys(Path("/keys"))
    return service_environment(service, 1, DATABASES.of(service), "127.0.0.1:9092", keys, partitions=12)


@pytest.mark.parametrize("service", NAMES)
def test_no_service_is_told_anothers_password_or_the_superusers(service: str) -> None:
    told = " ".join(environment_of(service).values())
    assert "top-secret" not in told
    for other in NAMES:
        assert (role_password(ADMIN, f"rahnama_{other}") in told) == (other == service)
        assert role_password(ADMIN, f"rahnama_{other}_owner") not in told


def test_intake_alone_is_told_where_the_master_key_is_and_nobody_where_the_issuers_is() -> None:
    assert environment_of("intake")["RAHNAMA_MASTER_KEY_FILE"] == "/keys/master.key"
    for service in ("allocation", "audit"):
        assert "RAHNAMA_MASTER_KEY_FILE" not in environment_of(service)
    for service in NAMES:
        assert "issuer.pem" not in " ".join(environment_of(service).values())


def test_telemetry_settings_pass_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    assert environment_of("audit")["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4317"


@pytest.mark.parametrize("name", ["RAHNAMA_SOURCES", "RAHNAMA_SPREADSHEET_TENANTS"])
def test_intake_alone_is_told_about_tenants(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "value")
    assert environment_of("intake")[name] == "value"
    assert name not in environment_of("allocation") | environment_of("audit")


@pytest.mark.parametrize("suffix", ["-x", "A", "x'; DROP", "a" * 31])
def test_a_database_suffix_is_a_plain_word(suffix: str) -> None:
    with pytest.raises(ValueError, match="suffix"):
        describe_databases(ADMIN, suffix)
