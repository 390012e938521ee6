"""Alerts lead to runbooks that are there, and the dashboards' files are what was described."""

import re

from infra.grafana.__main__ import DASHBOARDS, FOLDER, text_of
from infra.local.home import REPOSITORY

RULES = (REPOSITORY / "infra" / "prometheus" / "rules" / "rahnama.yml").read_text(encoding="utf-8")


def test_every_alert_leads_to_a_runbook_that_names_it() -> None:
    alerts = re.findall(r"- alert: (\w+)\n.*?runbook_url: (\S+)\n", RULES, re.DOTALL)
    assert len(alerts) == RULES.count("- alert:") > 10
    for name, path in alerts:
        runbook = REPOSITORY / path
        assert runbook.is_file(), f"{name} leads to {path}"
        assert name in runbook.read_text(encoding="utf-8"), f"{path} does not name {name}"


def test_the_dashboards_files_are_as_described() -> None:
    for dashboard in DASHBOARDS:
        kept = (FOLDER / f"{dashboard.name}.json").read_text(encoding="utf-8")
        assert kept == text_of(dashboard), "write them anew: python -m infra.grafana"
    assert {file.stem for file in FOLDER.glob("*.json")} == {dashboard.name for dashboard in DASHBOARDS}
