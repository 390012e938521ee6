"""Kafka's jars: what is there and fits is used as it is; anything else is named."""

from pathlib import Path

import pytest

from infra.local import jars
from infra.local.errors import ToolMissingError
from infra.local.home import KAFKA_FILES, Home


def test_every_jar_is_pinned_by_a_sha256() -> None:
    lines = (KAFKA_FILES / "jars.sha256").read_text().splitlines()
    assert len(lines) == 46
    assert all(len(line.split()[0]) == 64 and line.endswith(".jar") for line in lines)


async def test_without_maven_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match="Maven"):
        await jars.ensure_jars(Home(tmp_path))


@pytest.mark.parametrize(
    ("answer", "found"),
    [('openjdk version "11.0.2"', "11.0.2"), ('java version "1.8.0_292"', "1.8.0"), ("", "nothing")],
)
def test_an_old_java_is_refused_with_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, found: str
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{answer}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ToolMissingError, match=f"17 or newer is needed.*{found}"):
        jars.find_java()


def test_without_java_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match="none was found"):
        jars.find_java()
