"""Decisions are a pure function of the facts: allocation, rebuilt from nothing, decides the same, byte for byte."""

import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from infra.local.databases import ensure_databases
from infra.local.service import ServiceProcess
from infra.local.topics import ensure_topics
from tests.e2e.load import Populated
from tests.e2e.upstream import Upstream
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
async def allocation_for_reads_alone(upstream: Upstream) -> AsyncIterator[str | None]:
    """It runs though its log disagrees with its topic, and says how; stopped at the end."""
    service = upstream.system.parts["allocation"]
    assert isinstance(service, ServiceProcess)
    service.may_be_closed = True
    try:
        await upstream.system.start_part("allocation")
        yield service.closed
    finally:
        service.may_be_closed = False
        await upstream.system.kill("allocation", signal.SIGTERM)


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
    async with allocation_for_reads_alone(upstream) as told:
        assert told is not None
        assert "missing events must be brought back" in told
        assert TOPIC in told
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
