"""A superuser changes one row, of every table in turn: a verification names it. What it covers is the catalogue's."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import pytest
import pytest_asyncio

from infra.demo.cohort import YEAR, CohortSize, make_cohort
from infra.services import NAMES
from tests.e2e.conftest import upstream_of_new_system
from tests.e2e.people import event, mentor, student
from tests.e2e.upstream import Upstream
from tests.e2e.verified_tables import (
    EXCLUDED_COLUMNS,
    EXCLUDED_TABLES,
    FORGERIES,
    Forgery,
    forgeries,
    tables_of,
)

AUDITS_OWN: Final[Mapping[str, frozenset[str]]] = {
    "ledger": frozenset({"ledger"}),
    "tree": frozenset({"trees", "inbox"}),
    "topic": frozenset(),
}
"""By `where` of the first difference, the tables of audit's that it names."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def verified() -> AsyncIterator[Upstream]:
    """A system in which every table has rows: assigned, waiting, withdrawn, moved and erased students among them."""
    cohort = make_cohort(seed=5, size=CohortSize(students=120, mentors=30, managers=3))
    async with upstream_of_new_system() as upstream:
        await upstream.send_again(cohort.reference)
        await upstream.send_again(list(cohort.students))
        number = 470_000_000
        await upstream.post([event("mentor.registered", "one place", mentor(9001, capacity=1, centers=[2]))])
        results = await upstream.post(
            [
                event("student.registered", f"verified-{one}", student(number + one, reg_center=2))
                for one in range(4)
            ]
        )
        national_id = student(number + 3)["national_id"]
        await upstream.post([event("student.registered", "moves", student(number, gender=0, reg_center=2))])
        await upstream.post(
            [event("student.withdrawn", "leaves", {"year": YEAR, "national_id": national_id})]
        )
        erased = results[1]["subject"].removeprefix("student/")
        answer = await upstream.client.post(f"{upstream.urls['intake']}/v1/students/{erased}/erasure")
        assert answer.status_code == 202, answer.text
        await upstream.settle()
        yield upstream


@asynccontextmanager
async def superuser(upstream: Upstream, service: str) -> AsyncIterator[asyncpg.Connection]:
    """May change anything in the service's database."""
    dsn = upstream.system.database(service).owner_dsn
    connection = await asyncpg.connect(dsn, timeout=30)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def forged(connection: asyncpg.Connection, forgery: Forgery) -> AsyncIterator[list[dict[str, str]]]:
    """Changes one row, that of the middle key, and puts it back at the end; its keys, as text, before and after."""
    table = forgery.table
    order = ", ".join(forgery.key)
    keys = ", ".join(f"{name}::text" for name in forgery.key)
    middle = f"(select ctid from {table} order by {order} offset (select count(*) / 2 from {table}) limit 1)"
    [before] = await connection.fetch(f"select {keys} from {table} where ctid = {middle}")
    key = dict(before)
    here = " and ".join(f"{name}::text = '{value}'" for name, value in key.items())
    await connection.execute(f"create table forged_row as select * from {table} where {here}")
    try:
        if forgery.columns:
            changes = ", ".join(
                f"{column.name} = {FORGERIES[column.type].format(column.name)}" for column in forgery.columns
            )
            [row] = await connection.fetch(
                f"update {table} set {changes} where {here} returning ctid, {keys}"
            )
            ctid = row["ctid"]
            found = [key, {name: row[name] for name in forgery.key}]
        else:
            await connection.execute(f"delete from {table} where {here}")
            ctid, found = None, [key]
        yield found
        async with connection.transaction():
            await connection.execute(f"delete from {table} where ctid = $1", ctid)
            await connection.execute(f"insert into {table} select * from forged_row")
    finally:
        await connection.execute("drop table forged_row")


async def verify(upstream: Upstream, *sources: str) -> dict[str, Any]:
    answer = await upstream.client.post(
        f"{upstream.urls['audit']}/v1/verifications", json={"sources": sources or NAMES[:2]}
    )
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


def named(service: str, report: dict[str, Any]) -> Iterator[tuple[frozenset[str], dict[str, str], set[str]]]:
    """The tables, the key and the columns that each difference of the report names."""
    first = report["first_difference"]
    if first is not None and service == "audit":
        key = {name: str(first[name]) for name in ("source", "partition", "sequence")}
        yield AUDITS_OWN[first["where"]] | {"installation"}, key, set()
    for finding in report["services"]:
        for one in finding["differences"]:
            if service == "audit" and one["columns"] == ["traceparent"]:
                yield frozenset({"ledger"}), {"source": finding["service"], **one["key"]}, {"traceparent"}
            elif finding["service"] == service:
                yield frozenset({one["table"]}), one["key"], set(one["columns"])


def is_named(service: str, forgery: Forgery, key: dict[str, str], report: dict[str, Any]) -> bool:
    """Whether the row is named by its table and key, and its columns, where a whole row is not missing."""
    columns: set[str] = set()
    for tables, place, found in named(service, report):
        if forgery.table not in tables:
            continue
        if forgery.table == "installation" or all(
            place.get(name, value) == value for name, value in key.items()
        ):
            columns |= found or {column.name for column in forgery.columns}
            if not forgery.columns:
                return True
    return bool(columns) and {column.name for column in forgery.columns} <= columns


@pytest.mark.parametrize("service", NAMES)
async def test_one_forged_row_of_any_table_is_named(verified: Upstream, service: str) -> None:
    missed = []
    async with superuser(verified, service) as connection:
        for forgery in forgeries(service, await tables_of(connection)):
            async with forged(connection, forgery) as keys:
                report = await verify(verified, *(() if service == "audit" else (service,)))
                if report["verified"] or not any(is_named(service, forgery, key, report) for key in keys):
                    missed.append(f"{forgery.name} {keys}: {report['first_difference']} {report['services']}")
    assert not missed, "\n".join(missed)
    report = await verify(verified)
    assert report["verified"], (report["first_difference"], report["services"])


ASSIGNED: Final = "rahnama.allocation.student.assigned.v1"
CHANGED_TEXT: Final = "convert_to(regexp_replace(convert_from(value, 'UTF8'), '{0}', '{1}'), 'UTF8')"
UNREPLAYABLE: Final = [
    ("allocation", ASSIGNED, "type", "'rahnama.allocation.student.waitlisted.v1'"),
    ("allocation", ASSIGNED, "value", CHANGED_TEXT.format('"mentor_id":[0-9]+', '"mentor_id":2000000000')),
    ("allocation", ASSIGNED, "value", CHANGED_TEXT.format('"year":[0-9]+', '"year":"never"')),
    ("allocation", ASSIGNED, "value", CHANGED_TEXT.format('"year":[0-9]+', '"year":1399')),
    ("allocation", ASSIGNED, "value", CHANGED_TEXT.format('"student_id":"[0-9a-f]', '"student_id":"f')),
    (
        "intake",
        "rahnama.intake.student.registered.v1",
        "value",
        CHANGED_TEXT.format('"gender":[01]', '"gender":7'),
    ),
    (
        "intake",
        "rahnama.intake.mentor.registered.v1",
        "value",
        CHANGED_TEXT.format('"capacity":[0-9]+', '"capacity":-1'),
    ),
]
"""Events that nothing can be made of: a replay must not end with them, or the difference would never be reported."""


@pytest.mark.parametrize(("service", "type_", "column", "change"), UNREPLAYABLE)
async def test_a_log_that_cannot_be_replayed_gets_a_verdict_that_names_the_row(
    verified: Upstream, service: str, type_: str, column: str, change: str
) -> None:
    async with superuser(verified, service) as connection:
        [row] = await connection.fetch(
            "select partition, sequence, type, value from log where type = $1 order by partition, sequence limit 1",
            type_,
        )
        at = row["partition"], row["sequence"]
        here = "where partition = $1 and sequence = $2"
        await connection.execute(f"update log set {column} = {change} {here}", *at)
        try:
            report = await verify(verified, service)
        finally:
            await connection.execute(
                f"update log set type = $3, value = $4 {here}", *at, row["type"], row["value"]
            )
    [finding] = report["services"]
    assert not report["verified"]
    assert finding["log"] == "differs"
    rows = [one for one in finding["differences"] if one["table"] == "log"]
    assert {"partition": str(at[0]), "sequence": str(at[1])} in [one["key"] for one in rows]
    assert len(finding["differences"]) < 5, "rows that could not be replayed are not compared"
    if service == "allocation":  # what other partitions hold was replayed and compared all the same
        assert sum(finding["rows"].values()) > 0


async def test_every_exclusion_names_something_that_exists(verified: Upstream) -> None:
    for service in NAMES:
        async with superuser(verified, service) as connection:
            tables = await tables_of(connection)
        assert set(EXCLUDED_TABLES[service]) <= set(tables)
        for owner, table, column in EXCLUDED_COLUMNS:
            assert owner != service or column in {one.name for one in tables[table]}, (table, column)


async def test_every_covered_table_has_rows_and_every_row_was_compared(verified: Upstream) -> None:
    report = await verify(verified)
    assert report["verified"], (report["first_difference"], report["services"])
    assert [finding["service"] for finding in report["services"]] == ["allocation", "intake"]
    for finding in report["services"]:
        async with superuser(verified, finding["service"]) as connection:
            counted = {
                table: await connection.fetchval(f"select count(*) from {table}") for table in finding["rows"]
            }
            assert finding["events"] == await connection.fetchval("select count(*) from log")
        assert finding["rows"] == counted
        assert all(counted.values()), counted
        assert (finding["log"], finding["read_models"]) == ("ok", "ok")


async def test_a_verification_holds_while_events_are_accepted(verified: Upstream) -> None:
    async def accept() -> None:
        for batch in range(20):
            await verified.post(
                [
                    event(
                        "student.registered",
                        f"meanwhile-{batch}-{one}",
                        student(480_000_000 + batch * 10 + one),
                    )
                    for one in range(10)
                ]
            )

    accepting = asyncio.create_task(accept())
    reports: list[dict[str, Any]] = []
    while not accepting.done() or not reports:
        reports.append(await verify(verified))
    await accepting
    assert [report["services"] for report in reports if not report["verified"]] == []
    await verified.settle()
    assert (await verify(verified))["verified"]


async def test_a_replay_runs_once_at_a_time_and_only_for_auditors_of_every_centre(verified: Upstream) -> None:
    path = f"{verified.urls['intake']}/v1/verification/read-models"
    answers = await asyncio.gather(*(verified.client.post(path) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 429, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "EXPENSIVE_READ_RUNNING"
    for role, centers in (("operator", None), ("upstream", None), ("auditor", [1])):
        token = verified.system.token(role, centers=centers) if centers else verified.system.token(role)
        answer = await verified.client.post(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 403, role
