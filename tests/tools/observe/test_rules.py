"""Prometheus' own tool on the files of infra/prometheus: they are valid, and each alert fires for its reason only."""

import re

from tests.tools.observe.prometheus import FILES, binaries, run

RULES = FILES / "rules" / "rahnama.yml"


def test_the_rules_are_valid() -> None:
    assert "SUCCESS" in run(str(binaries() / "promtool"), "check", "rules", str(RULES))


def test_the_configuration_is_valid() -> None:
    told = run(
        str(binaries() / "promtool"), "check", "config", "--syntax-only", str(FILES / "prometheus.yml")
    )
    assert "SUCCESS" in told


def test_each_alert_fires_for_its_reason_and_is_silent_otherwise() -> None:
    tests = FILES / "tests" / "rahnama.yml"
    assert "SUCCESS" in run(str(binaries() / "promtool"), "test", "rules", str(tests))
    alerts = set(re.findall(r"- alert: (\w+)", RULES.read_text()))
    named = re.findall(r"- name: (\w+) (fires|is silent)", tests.read_text())
    assert {name for name, what in named if what == "fires"} == alerts
    assert {name for name, what in named if what == "is silent"} == alerts
