"""Every column that is judged is judged: falsified, renamed or left out, each in turn, it is a violation."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from shared.contracts.facts import (
    Fact,
    ManagerRegistered,
    SchoolRosterPublished,
    StudentErased,
    StudentWithdrawnFact,
)
from tests.chains import mentor, student
from tests.invariants.columns import (
    EXCLUDED,
    KEYS,
    LOG_EXCLUDED,
    LOG_KEYS,
    LOG_VALUES,
    NOT_READ_MODELS,
    VALUES,
    columns_of_log,
    columns_of_table,
    require_rows,
)
from tests.invariants.every import INVARIANTS, everything_holds
from tests.invariants.evidence import TABLES, Evidence
from tests.invariants.replay import replay
from tests.invariants.valid_evidence import valid_evidence
from tests.simulation.schema import PACKAGES, schema_of

FACTS: Final[list[Fact]] = [
    mentor(1, capacity=2, alias_code="12", manager_id=7, manager_centers=[0]),
    mentor(2, capacity=1),
    ManagerRegistered(version=1, occurred_at=None, manager_id=7, is_active=True, centers=[0], sealed=""),
    SchoolRosterPublished(version=1, occurred_at=None, year=1404, school_codes=[101]),
    *(student(number) for number in range(1, 7)),
    student(2, version=2, school_code=101),
    StudentWithdrawnFact(
        version=2, occurred_at=None, year=1404, student_id=student(3).student_id, gender=0, reason="withdrawn"
    ),
    StudentErased(version=2, occurred_at=None, student_id=student(6).student_id, gender=0, years=[1404]),
]
"""A row in every read model: assigned, waitlisted, withdrawn and erased."""

COLUMNS: Final = [
    (service, table, column)
    for service, tables in KEYS.items()
    for table, key in tables.items()
    for column in (*key, *VALUES[service][table])
]
EVERY_COLUMN: Final = [
    (service, table, column)
    for service, tables in KEYS.items()
    for table in tables
    for column in sorted(columns_of_table(service, table))
]
LOGS: Final = [(service, table) for service in ("intake", "allocation") for table in LOG_KEYS]
LOG_COLUMNS: Final = [
    (service, table, column) for service, table in LOGS for column in (*LOG_KEYS[table], *LOG_VALUES[table])
]
EVERY_LOG_COLUMN: Final = [
    (service, table, column) for service, table in LOGS for column in sorted(columns_of_log(table))
]


@pytest.fixture(scope="module")
def valid() -> Evidence:
    return valid_evidence(FACTS)


def another(value: Any, column: str) -> Any:
    """A value of the same type that is not this one."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case bytes():
            return value + b"\x00"
        case list() | tuple() | set() | frozenset():
            return [*value, 99]
        case dict():
            return {**value, "GROUP_ALLOWED": 99}
        case datetime():
            return value + timedelta(seconds=1)
        case None:
            return {"GROUP_ALLOWED": 1} if column == "funnel" else "7"
        case UUID():
            return UUID(int=value.int + 1)
        case _:
            return f"{value}x"


def rows_of(evidence: Evidence, service: str, table: str) -> list[dict[str, Any]]:
    return [dict(row) for row in getattr(evidence, service)[table]]


def with_rows(evidence: Evidence, service: str, table: str, rows: list[dict[str, Any]]) -> Evidence:
    planted: dict[str, Any] = {service: {**getattr(evidence, service), table: rows}}
    return replace(evidence, **planted)


def falsified(evidence: Evidence, service: str, table: str, column: str) -> Iterator[Evidence]:
    """Once for each row of the table."""
    rows = rows_of(evidence, service, table)
    for at, row in enumerate(rows):
        changed = [*rows]
        changed[at] = {**row, column: another(row[column], column)}
        yield with_rows(evidence, service, table, changed)


def misshapen(rows: list[dict[str, Any]], column: str) -> Iterator[list[dict[str, Any]]]:
    """The rows without the column, with another name for it, and with one more."""
    without = [{name: cell for name, cell in row.items() if name != column} for row in rows]
    yield without
    yield [{**left, f"{column}_2": row[column]} for left, row in zip(without, rows, strict=True)]
    yield [{**row, f"{column}_2": row[column]} for row in rows]


def test_the_evidence_has_a_row_in_every_read_model_and_holds(valid: Evidence) -> None:
    everything_holds(valid)
    for service, tables in KEYS.items():
        for table in tables:
            assert rows_of(valid, service, table), f"{service}'s {table} is empty: nothing can be planted"


@pytest.mark.parametrize(("service", "table", "column"), COLUMNS)
def test_a_false_value_is_found_in_every_row(valid: Evidence, service: str, table: str, column: str) -> None:
    for evidence in falsified(valid, service, table, column):
        with pytest.raises(AssertionError, match=f"{service}'s {table}"):
            INVARIANTS["I7"](evidence)


@pytest.mark.parametrize(("service", "table", "column"), EVERY_COLUMN)
def test_a_column_that_is_renamed_left_out_or_unknown_is_found(
    valid: Evidence, service: str, table: str, column: str
) -> None:
    for changed in misshapen(rows_of(valid, service, table), column):
        with pytest.raises(AssertionError, match=f"{service}'s {table} lacks the columns"):
            INVARIANTS["I7"](with_rows(valid, service, table, changed))


@pytest.mark.parametrize(("service", "table", "column"), LOG_COLUMNS)
def test_a_false_value_in_a_log_or_its_head_is_found(
    valid: Evidence, service: str, table: str, column: str
) -> None:
    assert rows_of(valid, service, table)
    for evidence in falsified(valid, service, table, column):
        with pytest.raises(AssertionError, match=f"{service}'s {table}, partition"):
            INVARIANTS["I6"](evidence)


@pytest.mark.parametrize(("service", "table", "column"), EVERY_LOG_COLUMN)
def test_a_column_of_a_log_that_is_renamed_left_out_or_unknown_is_found(
    valid: Evidence, service: str, table: str, column: str
) -> None:
    for changed in misshapen(rows_of(valid, service, table), column):
        with pytest.raises(AssertionError, match=f"{service}'s {table} lacks the columns"):
            INVARIANTS["I6"](with_rows(valid, service, table, changed))


def test_a_traceparent_of_a_log_is_judged_by_i7(valid: Evidence) -> None:
    for service in ("intake", "allocation"):
        for evidence in falsified(valid, service, "log", "traceparent"):
            with pytest.raises(AssertionError, match=r"audit's ledger holds .* with traceparent"):
                INVARIANTS["I7"](evidence)


@pytest.mark.parametrize(("service", "table"), LOGS)
def test_a_row_of_a_log_or_its_head_that_is_missing_or_twice_there_is_found(
    valid: Evidence, service: str, table: str
) -> None:
    rows = rows_of(valid, service, table)
    for changed in ([*rows, rows[0]], rows[1:]):
        with pytest.raises(AssertionError, match=f"{service}'s {table}"):
            INVARIANTS["I6"](with_rows(valid, service, table, changed))


@pytest.mark.parametrize(("service", "table"), sorted({(service, table) for service, table, _ in COLUMNS}))
def test_a_row_that_is_missing_or_twice_there_is_found(valid: Evidence, service: str, table: str) -> None:
    rows = rows_of(valid, service, table)
    for changed in ([*rows, rows[0]], rows[1:]):
        with pytest.raises(AssertionError, match=f"{service}'s {table}"):
            INVARIANTS["I7"](with_rows(valid, service, table, changed))


def test_evidence_without_a_student_is_a_violation() -> None:
    for facts in ([], [mentor(1)]):
        with pytest.raises(AssertionError, match="has no student"):
            INVARIANTS["I7"](valid_evidence(facts))


def test_the_naive_oracle_and_the_product_make_the_same_rows(valid: Evidence) -> None:
    naive, product = replay(valid), replay(valid, naive_facts=0)
    assert naive.decisions == product.decisions
    for table, key in KEYS["allocation"].items():
        rows = [{**row, **dict(zip(key, place, strict=True))} for place, row in product.tables[table].items()]
        known = columns_of_table("allocation", table)
        stored = [{column: row[column] for column in known} for row in rows]
        require_rows("allocation", table, naive.tables[table], stored)


def test_rows_are_expected_from_the_oracle_and_not_from_the_product(
    valid: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A product that decides wrongly in the services and in the replay alike is found."""
    from tests.invariants import replay as judged

    def never(*_: object) -> None:
        raise AssertionError("the product has decided")

    monkeypatch.setattr(judged, "by_the_product", never)
    INVARIANTS["I7"](valid)


@pytest.mark.parametrize("service", PACKAGES)
def test_every_table_and_column_of_the_migrations_is_judged_or_excluded_with_a_reason(service: str) -> None:
    """As the simulation reads the migrations; PostgreSQL's own catalogue is read by the integration tests."""
    schema = schema_of(service, 4)
    listed = {*KEYS[service], *NOT_READ_MODELS[service]} - {"migrations"}
    assert listed == schema.tables.keys()
    for table, key in KEYS[service].items():
        assert set(key) == set(schema.tables[table].key) or table == "students"
        assert columns_of_table(service, table) == schema.tables[table].columns.keys()
    for table, key in LOG_KEYS.items() if service != "audit" else ():
        assert set(key) == set(schema.tables[table].key)
        assert columns_of_log(table) == schema.tables[table].columns.keys()


def test_nothing_is_both_compared_and_excluded_and_every_exclusion_has_a_reason() -> None:
    for service, tables in KEYS.items():
        assert not tables.keys() & NOT_READ_MODELS[service].keys()
        assert tables.keys() == VALUES[service].keys()
        for table, key in tables.items():
            excluded = EXCLUDED.get(service, {}).get(table, {})
            assert not {*key, *VALUES[service][table]} & excluded.keys()
            assert not set(key) & set(VALUES[service][table])
            assert all(len(reason) > 10 for reason in excluded.values())
        assert all(len(reason) > 10 for reason in NOT_READ_MODELS[service].values())
        assert set(TABLES[service]) <= {*tables, *NOT_READ_MODELS[service]}
    for table, key in LOG_KEYS.items():
        assert not {*key, *LOG_VALUES[table]} & LOG_EXCLUDED[table].keys()
        assert all(len(reason) > 10 for reason in LOG_EXCLUDED[table].values())
