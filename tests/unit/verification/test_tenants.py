"""An auditor reads the keys of its own tenant's rows, and how many of others differ."""

import pytest

from shared.verification.findings import TOPIC, ReadModelReport, RowDifference
from shared.verification.routes import as_seen_by


def seen(table: str, key: dict[str, str]) -> dict[str, str]:
    report = ReadModelReport(
        9, {table: 4}, [RowDifference(table, key, ("version",), "…")], 0.5, complete=False
    )
    shown = as_seen_by("qom", report)
    assert (shown.facts, shown.rows, shown.seconds, shown.complete) == (9, {table: 4}, 0.5, False)
    [one] = shown.differences
    assert (one.table, one.columns, one.message) == (table, ("version",), "…")
    return one.key


@pytest.mark.parametrize("table", ["students", "mentors"])
def test_a_row_of_the_own_tenant_is_shown(table: str) -> None:
    key = {"lookup": "\\x01", "tenant": "qom"}
    assert seen(table, key) == key


@pytest.mark.parametrize("key", [{"lookup": "\\x01", "tenant": "yazd"}, {"lookup": "\\x01"}])
def test_of_another_tenants_row_and_of_one_without_a_tenant_nothing_is_shown(key: dict[str, str]) -> None:
    assert seen("students", key) == {"tenant": "*"}


@pytest.mark.parametrize("table", ["log", "log_head", "log_published", "inbox", TOPIC])
def test_what_belongs_to_all_tenants_is_shown(table: str) -> None:
    key = {"partition": "3", "sequence": "17"}
    assert seen(table, key) == key
