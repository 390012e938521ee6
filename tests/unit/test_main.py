"""How a service is started by hand: what is wrong with its settings is named, and no value is shown."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"RAHNAMA_BATCH_RECORDS": "abc"},
            "RAHNAMA_BATCH_RECORDS: text was given; allowed: a whole number from 1 to 10000",
        ),
        ({}, "RAHNAMA_JWKS_FILE: it is not set; needed: the path of a file"),
        (
            {"RAHNAMA_PARTITIONS": "3"},
            "RAHNAMA_PARTITIONS: a whole number was given; allowed: a whole number (the number of partitions must be even",
        ),
    ],
)
def test_a_wrong_setting_is_named_as_its_variable_and_nothing_else_is_shown(
    settings: dict[str, str], told: str
) -> None:
    environment = {"RAHNAMA_DATABASE_URL": "postgresql://u:secret@h/d", **settings}
    ended = run([], environment)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert "secret" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_unknown_command_is_answered_with_the_usage() -> None:
    ended = run(["fly"], {})
    assert ended.returncode == 2
    assert ended.stderr == "usage: python -m services.allocation [migrate | recover | rebuild]\n"


def test_a_command_that_cannot_be_done_ends_with_one_line_and_shows_no_password() -> None:
    environment = {
        "RAHNAMA_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/d",
        "RAHNAMA_KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "RAHNAMA_JWKS_FILE": "/nowhere",
    }
    ended = run(["recover"], environment)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "Connect call failed ('127.0.0.1', 1)" in ended.stderr
    assert "secret" not in ended.stderr


@pytest.mark.parametrize("arguments", [[], ["recover"], ["rebuild"]])
@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "No such file or directory"), ("c2hvcnQ=", "does not hold a master key: base64 of 32 bytes")],
)
def test_a_wrong_master_key_is_told_in_one_line_and_not_shown(
    tmp_path: Path, arguments: list[str], content: str | None, told: str
) -> None:
    file = tmp_path / "master.key"
    if content is not None:
        file.write_text(content, encoding="ascii")
    environment = {
        "RAHNAMA_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/d",
        "RAHNAMA_KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "RAHNAMA_JWKS_FILE": "/nowhere",
        "RAHNAMA_MASTER_KEY_FILE": str(file),
    }
    ended = run(arguments, environment, service="intake")
    assert ended.returncode in (1, 2)
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith("RAHNAMA_MASTER_KEY_FILE: ")
    assert told in ended.stderr
    assert "c2hvcnQ" not in ended.stderr


def test_a_missing_key_file_is_told_in_one_line() -> None:
    environment = {
        "RAHNAMA_DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/d",
        "RAHNAMA_KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "RAHNAMA_JWKS_FILE": "/nowhere",
    }
    ended = run([], environment)
    assert ended.returncode == 2
    assert ended.stderr == "RAHNAMA_JWKS_FILE: /nowhere: No such file or directory\n"


def run(
    arguments: list[str], environment: dict[str, str], *, service: str = "allocation"
) -> subprocess.CompletedProcess[str]:
    """A service started with these variables and no others."""
    return subprocess.run(
        [sys.executable, "-m", f"services.{service}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
