"""Decisions are a pure function of the facts: allocation, rebuilt from nothing, decides the same, byte for byte."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import httpx

from infra.local.databases import ensure_databases
from infra.local.errors import PartFailedError
from infra.local.service import ServiceProcess
from infra.local.topics import ensure_topics
from tests.e2e.load import Populated
from tests.e2e.upstream import Upstream
from tests.e2e.waiting import within
from tests.invariants.every import everything_holds
from tests.invariants.evidence import Row
from tests.invariants.reading import admin_of, read_rows, read_topic

TOPIC: Final = "rahnama.allocation"
DECISIONS: Final = "select partition, sequence, value, hash, version, traceparent from log order by 1, 2"
ENROLMENTS: Final = "select * from enrolments order by tenant, year, student_id, gender"
LEDGER: Final = "select * from ledger order by source, partition, sequence"


async def lose_database(upstream: Upstream) -> None:
    """Stops allocation, drops its database and makes an empty one."""
    system = upstream.system
    await system.kill("allocation", signal.SIGTERM)
    admin = await asyncpg.connect(system.admin_dsn)
    try:
        await admin.execute(f"drop database {system.database('allocation').name} with (force)")
    finally:
        await admin.close()
    await ensure_databases(system.admin_dsn)
    service = system.parts["allocation"]
    assert isinstance(service, ServiceProcess)
    await service.migrate()


async def make_topic_anew(upstream: Upstream) -> None:
    """Nothing of the decisions is left but in audit's ledger."""
    async with admin_of(upstream.system.kafka_bootstrap) as admin:
        await admin.delete_topics([TOPIC])
    await ensure_topics(upstream.system.kafka_bootstrap)


@asynccontextmanager
async def allocation_that_never_gets_ready(upstream: Upstream) -> AsyncIterator[None]:
    """It runs, and nobody waits for it to be ready; stopped at the end."""
    starting = asyncio.create_task(upstream.system.start_part("allocation"))
    try:
        yield
    finally:
        await upstream.system.kill("allocation", signal.SIGTERM)
        with contextlib.suppress(PartFailedError):  # it ended while it started
            await starting


async def readiness(upstream: Upstream) -> dict[str, Any]:
    """Why allocation is not ready, once it says more than that it has not looked yet."""

    async def attempt() -> dict[str, Any] | None:
        try:
            answer = await upstream.client.get(f"{upstream.urls['allocation']}/readyz")
        except httpx.TransportError:
            return None
        parts: dict[str, Any] = answer.json()["parts"]
        return parts if answer.status_code == 200 or "not compared" not in str(parts["relay"]) else None

    return await within(30, attempt, "allocation's readiness")


def require_equal(found: Sequence[Row], before: Sequence[Row]) -> None:
    """Row by row: a difference of a thousand rows would be no message."""
    for new, old in zip(found, before, strict=False):
        assert new == old
    assert len(found) == len(before)


async def test_a_lost_database_is_refused_while_its_topic_is_there_and_replays_the_same_decisions_without_it(
    populated: Populated,
) -> None:
    upstream = populated.upstream
    dsns = upstream.servers.dsns
    decisions = await read_rows(dsns["allocation"], DECISIONS)
    enrolments = await read_rows(dsns["allocation"], ENROLMENTS)
    ledger = await read_rows(dsns["audit"], LEDGER)
    topic = await read_topic(upstream.servers, "allocation")
    assert len(decisions) >= 400

    await lose_database(upstream)
    async with allocation_that_never_gets_ready(upstream):
        told = await readiness(upstream)
        assert "missing events must be brought back" in told["relay"]
        assert TOPIC in told["relay"]
        assert await read_rows(dsns["allocation"], DECISIONS) == []
    assert await read_topic(upstream.servers, "allocation") == topic

    await make_topic_anew(upstream)
    await upstream.system.start_part("allocation")
    await upstream.settle()
    require_equal(await read_rows(dsns["allocation"], DECISIONS), decisions)
    require_equal(await read_rows(dsns["allocation"], ENROLMENTS), enrolments)
    require_equal(await read_rows(dsns["audit"], LEDGER), ledger)

    await populated.send_more(upstream.settle)
    everything_holds(await upstream.evidence())
    report = await upstream.verify()
    assert report["verified"], report["first_difference"]
