"""The ledger on real Kafka and Postgres: every event exactly once, byte for byte, with its tree."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from services.audit.append.ledger import Ledger
from services.audit.decide.trees import grow, root, unpack
from shared.contracts.envelope import leaf_hash
from shared.errors import StalePosition
from shared.postgres import open_pool
from shared.telemetry import Telemetry
from tests.chains import Chain
from tests.integration.audit.running import PARTITIONS, Audit, history, running_audit
from tests.servers import MakesDatabases, MakesTopics

FORBIDDEN = (
    "update ledger set value = ''",
    "delete from ledger",
    "truncate ledger",
    "insert into trees (source, partition) values ('x', 1)",
    "delete from trees",
    "update installation set partitions = 2",
    "drop table ledger",
)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


async def tree_of(audit: Audit, chain: Chain) -> tuple[int, str]:
    """Size and root of a stored tree."""
    row = await audit.owner.fetchrow(
        "select size, edge from trees where source = $1 and partition = $2", chain.source, chain.partition
    )
    assert row is not None
    return row["size"], root(unpack(row["edge"], row["size"])).hex()


def expected_tree(chain: Chain) -> tuple[int, str]:
    return len(chain.values), root(grow((), 0, [leaf_hash(value) for value in chain.values])).hex()


async def kept(audit: Audit, chain: Chain) -> list[bytes]:
    rows = await audit.owner.fetch(
        "select value from ledger where source = $1 and partition = $2 order by sequence",
        chain.source,
        chain.partition,
    )
    return [row["value"] for row in rows]


async def test_events_of_both_logs_land_byte_for_byte_with_their_trees(audit: Audit) -> None:
    chains = [
        history("intake", 0, 37),
        history("intake", 3, 1),
        history("allocation", 0, 64),
        history("allocation", 2, 5),
    ]
    await audit.keep(*chains)
    for chain in chains:
        assert await kept(audit, chain) == chain.values
        assert await tree_of(audit, chain) == expected_tree(chain)


async def test_a_row_tells_where_the_event_stood_and_when_it_was_kept(audit: Audit) -> None:
    chain = history("intake", 1, 2)
    before = datetime.now(UTC)
    await audit.publish(chain, traceparent=TRACEPARENT)
    await audit.reach(chain)
    row = await audit.owner.fetchrow("select * from ledger where sequence = 2")
    assert row is not None
    assert (row["type"], row["tenant"], row["subject"]) == (
        "rahnama.intake.unheard-of.v1",
        "default",
        "mentor/1",
    )
    assert (row["topic"], row["kafka_offset"]) == (audit.topics.name("rahnama.intake"), 1)
    assert row["traceparent"] == TRACEPARENT
    assert row["hash"] == leaf_hash(chain.values[1])
    assert before <= row["recorded_at"] <= datetime.now(UTC)
    assert before.timestamp() * 1000 - 1 <= row["kafka_timestamp_ms"]
    assert row["time"] == datetime(2026, 3, 21, 0, 0, 0, 2000, tzinfo=UTC)


async def test_repeats_and_old_batches_change_nothing(audit: Audit) -> None:
    chain = history("allocation", 1, 30)
    await audit.publish(chain, chain.values[:20])
    await audit.publish(chain, chain.values[5:25])
    await audit.publish(chain, chain.values)
    await audit.reach(chain)
    assert await kept(audit, chain) == chain.values
    assert await tree_of(audit, chain) == expected_tree(chain)
    report = await audit.verify()
    assert report["verified"], report["first_difference"]


async def test_the_history_goes_on_where_a_stopped_service_left_it(
    make_databases: MakesDatabases, topics: MakesTopics, tmp_path: Path
) -> None:
    database, made = (await make_databases()).audit, await topics(partitions=PARTITIONS)
    chain = history("intake", 2, 10)
    async with running_audit(database, made, tmp_path) as audit:
        await audit.keep(chain)
    for number in range(10, 15):
        chain.add("rahnama.intake.later.v1", "policy", b'{"n":%d}' % number)
    async with running_audit(database, made, tmp_path) as audit:
        await audit.publish(chain, chain.values[8:])
        await audit.reach(chain)
        assert await kept(audit, chain) == chain.values
        assert await tree_of(audit, chain) == expected_tree(chain)


async def test_a_process_that_was_overtaken_keeps_nothing(audit: Audit) -> None:
    chain = history("intake", 2, 8)
    pool = await open_pool(audit.database.dsn, application="test", size=2)
    try:
        ledger = Ledger(pool, Telemetry())
        first, overtaken = await ledger.load("intake", 2), await ledger.load("intake", 2)
        await ledger.apply([chain.slice(first, 5)])
        assert (first.position.sequence, first.compact_range) == (
            5,
            grow((), 0, map(leaf_hash, chain.values[:5])),
        )
        with pytest.raises(StalePosition):
            await ledger.apply([chain.slice(overtaken, 8)])
        assert (overtaken.position.sequence, overtaken.compact_range) == (0, ())
        assert await kept(audit, chain) == chain.values[:5]
        await ledger.apply([chain.slice(first, 8)])
        assert await kept(audit, chain) == chain.values
        assert await tree_of(audit, chain) == expected_tree(chain)
    finally:
        await pool.close()


async def test_an_event_that_the_database_cannot_hold_stops_its_partition_only(audit: Audit) -> None:
    bad, good = history("intake", 0, 3), history("intake", 1, 3)
    bad.add("rahnama.intake.nul.v1", "mentor/\x00", b"{}")
    await audit.publish(bad)
    await audit.keep(good)
    await audit.reach(history("intake", 0, 3))
    assert len(await kept(audit, bad)) == 3
    ready = (await audit.get("/readyz")).json()
    assert ready["parts"]["database"] is None


async def test_a_tree_that_does_not_fit_its_position_is_never_built_on(audit: Audit) -> None:
    await audit.owner.execute("update trees set size = 1 where source = 'intake' and partition = 0")
    chain, good = history("intake", 0, 3), history("intake", 1, 3)
    await audit.publish(chain)
    await audit.keep(good)
    assert await kept(audit, chain) == []


async def test_the_services_role_may_add_to_the_ledger_and_nothing_else(audit: Audit) -> None:
    service = await asyncpg.connect(audit.database.dsn)
    try:
        for statement in FORBIDDEN:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.execute(statement)
    finally:
        await service.close()


async def test_a_database_made_for_another_number_of_partitions_is_refused(
    make_databases: MakesDatabases, topics: MakesTopics, tmp_path: Path
) -> None:
    database, made = (await make_databases()).audit, await topics(partitions=PARTITIONS)
    async with running_audit(database, made, tmp_path):
        pass
    with pytest.raises(ValueError, match="created with 4 partitions"):
        async with running_audit(database, replace(made, partitions=6), tmp_path):
            pass
