"""Allocation behind its server, over real HTTP: one summary at a time of a caller, and reads that the database ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest
import pytest_asyncio

from infra.local.databases import ServiceDatabase
from services.allocation.app import build
from services.allocation.query.reads import QUERIES
from services.allocation.settings import Settings
from tests.integration.allocation.running import migrated
from tests.locks import locked
from tests.serving import served
from tests.tokens import TestIssuer

if TYPE_CHECKING:
    from tests.servers import MakesDatabases, MakesTopics

ENROLMENTS = """
insert into enrolments
select 'two', 1, gen_random_uuid(), 1404, 1, 1, number, 'waitlisted', null::integer, null, 1, 1, 1, 1, null::integer, 0, 'p', 'r', null::json, 1, ''
from generate_series(1, 5000) as number
union all
select 'one', 1, gen_random_uuid(), 1404, 1, 1, number, 'withdrawn', null::integer, null, 1, 1, 1, 1, null::integer, 0, 'p', 'r', null::json, 1, ''
from generate_series(1, 5000) as number
"""
SUMMARY = "/v1/summary?year=1404"
SCANNING = (SUMMARY, "/v1/allocations?year=1404&status=released", "/v1/waitlist?year=1404")
LIMITED = ("/v1/allocations?year=1404", "/v1/waitlist", "/v1/mentors?year=1404")
"""They scan for a caller limited to centres."""


@dataclass
class Served:
    """Allocation, its database, and what makes tokens for it."""

    address: str
    database: ServiceDatabase
    issuer: TestIssuer
    client: httpx.AsyncClient

    async def get(self, path: str, sub: str, **claims: Any) -> httpx.Response:
        """As an operator of that name."""
        headers = self.issuer.headers("operator", sub=sub, **claims)
        return await self.client.get(f"{self.address}{path}", headers=headers)


@pytest_asyncio.fixture(loop_scope="session")
async def allocation(
    request: pytest.FixtureRequest, make_databases: "MakesDatabases", topics: "MakesTopics", tmp_path: Path
) -> AsyncIterator[Served]:
    """Started and ready, with the settings that the test gives as its parameter."""
    database = (await make_databases()).allocation
    await migrated(database)
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = Settings(
        database_url=database.dsn,
        kafka_bootstrap=made.bootstrap,
        topic_prefix=made.prefix,
        jwks_file=issuer.jwks_file,
        jwt_issuer=issuer.issuer,
        **getattr(request, "param", {}),
    )
    async with (
        served(build(settings)) as address,
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        async with asyncio.timeout(30):  # until its inbox has loaded what it decides upon
            while (await client.get(f"{address}/readyz")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        yield Served(address, database, issuer, client)


async def test_a_caller_has_one_scanning_read_at_a_time_and_holds_up_nobody_else(allocation: Served) -> None:
    assert (await allocation.get(SUMMARY, "one")).status_code == 200
    async with locked(allocation.database.owner_dsn, "enrolments") as table:
        held = [asyncio.create_task(allocation.get(SUMMARY, "one"))]
        await table.waits_for(1)
        for path in SCANNING:
            refused = await allocation.get(path, "one")
            assert refused.status_code == 429
            assert refused.json()["code"] == "EXPENSIVE_READ_RUNNING"
            assert int(refused.headers["retry-after"]) >= 1
        for path in LIMITED:
            limited = await allocation.get(path, "one", centers=[1])
            assert (limited.status_code, limited.json()["code"]) == (429, "EXPENSIVE_READ_RUNNING")
        assert (await allocation.get("/v1/mentors?year=1404", "one")).status_code == 200
        held.append(asyncio.create_task(allocation.get(SUMMARY, "two")))
        held.append(asyncio.create_task(allocation.get(SUMMARY, "one", tenant="other")))
        await table.waits_for(3)
    assert [(await answer).status_code for answer in held] == [200, 200, 200]
    for path in SCANNING:
        assert (await allocation.get(path, "one")).status_code == 200


@pytest.mark.parametrize(
    ("name", "values", "index"),
    [
        ("allocations", ("one", 1390, None, None, None, 101), "enrolments_by_year"),
        ("students_by_status", ("one", 1390, None), "enrolments_by_year"),
        ("waitlist", ("one", None, -1, 0, None, 101), "enrolments_waiting"),
    ],
)
async def test_a_read_without_rows_walks_no_rows_of_others(
    allocation: Served, name: str, values: tuple[Any, ...], index: str
) -> None:
    connection = await asyncpg.connect(allocation.database.owner_dsn)
    try:
        await connection.execute(ENROLMENTS)
        await connection.execute("analyze enrolments")
        plan = json.loads(
            await connection.fetchval(f"explain (analyze, format json) {QUERIES[name]}", *values)
        )
    finally:
        await connection.close()
    scans = [node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") == "enrolments"]
    assert index in {node.get("Index Name") for node in nodes(plan[0]["Plan"])}
    assert sum(node["Actual Rows"] + node.get("Rows Removed by Filter", 0) for node in scans) == 0


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(inner for child in plan.get("Plans", []) for inner in nodes(child))]


async def test_a_client_that_goes_keeps_its_slot_until_the_read_has_ended(allocation: Served) -> None:
    assert (await allocation.get(SUMMARY, "one")).status_code == 200
    async with locked(allocation.database.owner_dsn, "enrolments") as table:
        gone = asyncio.create_task(allocation.get(SUMMARY, "one"))
        await table.waits_for(1)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        assert (await allocation.get(SUMMARY, "one")).status_code == 429
    async with asyncio.timeout(20):
        while (await allocation.get(SUMMARY, "one")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("allocation", [{"read_seconds": 0.3}], indirect=True)
async def test_a_read_that_takes_too_long_is_ended_by_the_database(allocation: Served) -> None:
    async with locked(allocation.database.owner_dsn, "enrolments") as table:
        for path in (SUMMARY, "/v1/waitlist"):
            answer = await allocation.get(path, "one")
            assert answer.status_code == 503, answer.text
            problem = answer.json()
            assert problem["code"] == "READ_TIMEOUT"
            assert problem["detail"]
            assert int(answer.headers["retry-after"]) >= 1
        await table.waits_for(0)
    for path in (SUMMARY, "/v1/waitlist"):
        assert (await allocation.get(path, "one")).status_code == 200


@pytest.mark.parametrize("allocation", [{"subject_reads_per_second": 1}], indirect=True)
async def test_a_caller_beyond_its_limit_is_refused_over_the_network(allocation: Served) -> None:
    answers = [await allocation.get("/v1/waitlist", "flood") for _ in range(40)]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "TOO_MANY_REQUESTS"
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["ratelimit-policy"] == '"subject-reads";q=10;w=10, "tenant-reads";q=10000;w=10'
    assert answers[0].status_code == 200
    assert answers[0].headers["ratelimit"].startswith('"subject-reads";r=9;t=')
    assert (await allocation.get("/v1/waitlist", "calm")).status_code == 200
