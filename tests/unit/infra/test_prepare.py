"""What the containers are prepared with is checked before a server is asked."""

import pytest

from infra.docker.prepare import main


@pytest.mark.parametrize("value", ["", "no", "2"])
def test_quotas_are_set_or_not_and_nothing_else(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("POSTGRES_ADMIN_DSN", "RAHNAMA_KAFKA_BOOTSTRAP", "RAHNAMA_KEYS", "RAHNAMA_SECRETS"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("RAHNAMA_KAFKA_QUOTAS", value)
    assert main() == 1
    expected = "prepare: RAHNAMA_KAFKA_QUOTAS: allowed: 1, or 0 on a cluster that others use\n"
    assert capsys.readouterr().err == expected
