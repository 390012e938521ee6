"""Settings: each wrong one is reported by its variable, what was given and what is allowed, and never repeated."""

import types
import typing
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local.check_settings import SETTINGS, check_settings
from infra.local.errors import LocalError
from shared.errors import Misconfigured
from shared.service.addresses import require_base_url, require_brokers
from shared.service.read_settings import read_settings
from shared.service.settings import ServiceSettings

REQUIRED = {"database_url": "postgresql://", "jwks_file": "jwks.json", "master_key_file": "master.key"}
FIELDS = [(shape, name) for shape in SETTINGS.values() for name in shape.model_fields]


def accepts_any_text(shape: type[ServiceSettings], name: str) -> bool:
    annotation: Any = shape.model_fields[name].annotation
    parts = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return bool({str, Path} & set(parts))


def environment(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    for name, value in {**REQUIRED, **settings}.items():
        monkeypatch.setenv(f"RAHNAMA_{name.upper()}", value)


@pytest.mark.parametrize(("shape", "name"), [field for field in FIELDS if not accepts_any_text(*field)])
@pytest.mark.parametrize("wrong", ["§secret", "", "-1"])
def test_a_wrong_value_is_reported_by_its_variable_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, shape: type[ServiceSettings], name: str, wrong: str
) -> None:
    environment(monkeypatch, **{name: wrong})
    with pytest.raises(Misconfigured) as caught:
        read_settings(shape)
    kind = {"§secret": "text", "": "nothing", "-1": "a whole number"}[wrong]
    [line] = str(caught.value).splitlines()
    assert line.startswith(f"RAHNAMA_{name.upper()}: {kind} was given; allowed: ")
    assert "secret" not in line


@pytest.mark.parametrize("shape", SETTINGS.values())
def test_all_that_is_missing_is_reported_at_once(shape: type[ServiceSettings]) -> None:
    needed = [name for name, field in shape.model_fields.items() if field.is_required()]
    with pytest.raises(Misconfigured) as caught:
        read_settings(shape)
    lines = str(caught.value).splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == sorted(f"RAHNAMA_{n.upper()}" for n in needed)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("SOURCES", "foo", "RAHNAMA_SOURCES: text was given; allowed: a JSON object of text, "),
        ("SOURCES", "[1]", "RAHNAMA_SOURCES: text was given; allowed: a JSON object of text, "),
        ("LOG_LEVEL", "LOUD", "RAHNAMA_LOG_LEVEL: text was given; allowed: one of DEBUG, INFO, "),
        (
            "BATCH_RECORDS",
            "0",
            "RAHNAMA_BATCH_RECORDS: a whole number was given; allowed: a whole number from 1 to 10000",
        ),
        (
            "REVOCATIONS_FILE",
            "/nowhere/at/all",
            "RAHNAMA_REVOCATIONS_FILE: /nowhere/at/all: No such file or directory",
        ),
        (
            "PRODUCER_URLS",
            '{"intake":"http://[::1"}',
            'RAHNAMA_PRODUCER_URLS: text was given; allowed: a JSON object of text, such as {"/upstream/demo": "default"}'
            " (each URL is http://host:port or https://host:port)",
        ),
        ("LOGLEVEL", "INFO", "RAHNAMA_LOGLEVEL is not a setting; did you mean RAHNAMA_LOG_LEVEL?"),
    ],
)
def test_the_local_tool_checks_every_setting_before_it_starts_anything(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    check_settings()
    monkeypatch.setenv(f"RAHNAMA_{name}", value)
    with pytest.raises(LocalError) as caught:
        check_settings()
    assert str(caught.value).startswith(line)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("shape", SETTINGS.values())
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "http://h/secret"),
        ("DATABASE_URL", "postgresql://u:secret@[::1/d"),
        ("KAFKA_BOOTSTRAP", "secret:port"),
        ("KAFKA_BOOTSTRAP", "secret:9092,,"),
        ("KAFKA_BOOTSTRAP", "secret:70000"),
        ("KAFKA_BOOTSTRAP", "kafka://secret:9092"),
    ],
)
def test_an_address_that_no_client_can_read_is_reported_before_one_is_made(
    monkeypatch: pytest.MonkeyPatch, shape: type[ServiceSettings], name: str, value: str
) -> None:
    environment(monkeypatch)
    monkeypatch.setenv(f"RAHNAMA_{name}", value)
    with pytest.raises(Misconfigured) as caught:
        read_settings(shape)
    [line] = str(caught.value).splitlines()
    assert line.startswith(f"RAHNAMA_{name}: text was given; allowed: ")
    assert "secret" not in line


@pytest.mark.parametrize(
    "url",
    ["", "intake", "//intake", "ftp://intake", "http://", "http://intake:0", "http://intake:99999",
     "http://in take", "http://intake?a", "http://[::1", "http://\u0660"],
)  # fmt: skip
def test_a_base_url_that_no_client_can_read_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="each URL is http://host:port"):
        require_base_url(url)


@pytest.mark.parametrize("url", ["http://intake:8001", "https://a.b/under/here", "http://[::1]:8001"])
def test_a_base_url_is_one_that_the_client_reads(url: str) -> None:
    assert httpx.Client(base_url=require_base_url(url)).base_url.host


@pytest.mark.parametrize("brokers", ["127.0.0.1:9092", "kafka", "a:1, b-c.d:2", "[::1]:9092,k_1:3"])
def test_brokers_are_host_and_port(brokers: str) -> None:
    assert require_brokers(brokers) == brokers
