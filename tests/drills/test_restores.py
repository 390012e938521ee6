"""Drills: each database is set back or lost, and Kafka is lost; the runbooks' commands bring everything back."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from infra.demo.cohort import CohortSize, make_cohort
from infra.local.databases import ensure_databases
from infra.local.errors import PartFailedError
from infra.local.mend import empty_partition
from infra.local.topics import ensure_topics
from services.intake.crypto.key_record import open_record, record_key
from services.intake.crypto.sealing import Keyring
from shared.contracts.envelope import leaf_hash
from tests.deadlines import until
from tests.drills.restoring import (
    all_holds,
    as_admin,
    command,
    copies,
    events_of,
    gate_of,
    held_by,
    is_well,
    registered,
    set_back,
    start,
    stop,
    write,
)
from tests.e2e.conftest import upstream_of_new_system
from tests.e2e.load import Populated
from tests.e2e.test_wiped_topics import wait_for_refill
from tests.integration.recover.backups import Backups, as_owner, backups_on, rows_of
from tests.invariants.reading import read_records

SECONDS: Final = 90.0
STUDENTS: Final = 8000
NUMBER: Final = 450_000_000
KEYS: Final = "select tenant, subject, lookup, wrapped_key from subject_keys order by tenant, subject"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def drilled() -> AsyncIterator[Populated]:
    """A system with mentors and students; it must go on after each drill."""
    cohort = make_cohort(seed=9, size=CohortSize(students=STUDENTS, mentors=160, managers=5))
    async with upstream_of_new_system() as upstream:
        await upstream.send_again(cohort.reference)
        populated = Populated(upstream, iter(cohort.students))
        await populated.send_more(lambda: asyncio.sleep(0))
        yield populated


@pytest_asyncio.fixture(loop_scope="session")
async def backups(drilled: Populated) -> AsyncIterator[Backups]:
    """Copies of the system's databases."""
    async with backups_on(drilled.upstream.system.admin_dsn) as found:
        yield found


@pytest.mark.parametrize("services", [("intake",), ("allocation",), ("intake", "allocation")], ids="+".join)
async def test_restored_databases_are_brought_to_where_their_topics_are(
    drilled: Populated, backups: Backups, services: tuple[str, ...]
) -> None:
    upstream, number = drilled.upstream, NUMBER + len("+".join(services))
    taken = await copies(upstream, backups, *services)
    await drilled.send_more(lambda: asyncio.sleep(0))
    before = await registered(upstream, number, f"before {services}")
    logs = {name: await events_of(upstream, name) for name in services}
    await set_back(upstream, backups, taken)

    for service in services:
        assert "are back; each is the event that" in await command(upstream, service, "recover", "--yes")
    assert {name: await events_of(upstream, name) for name in services} == logs
    await start(upstream, *services)

    assert await registered(upstream, number, f"after {services}", mobile="09129999999") == before
    await drilled.send_more(lambda: asyncio.sleep(0))
    await ask_again(drilled)
    await all_holds(upstream)


async def ask_again(drilled: Populated) -> None:
    """Of an event over HTTP that changed nothing no trace is left: it is answered anew. Here nobody has changed since."""
    await drilled.upstream.send_again(drilled.sent)


@pytest.mark.parametrize(
    ("service", "loss"),
    [
        ("intake", "truncate students, student_years, mentors, managers, school_rosters"),
        ("allocation", "truncate mentors, mentor_loads, counters, enrolments"),
    ],
)
async def test_lost_read_models_are_told_again(drilled: Populated, service: str, loss: str) -> None:
    upstream = drilled.upstream
    await upstream.settle()
    await stop(upstream, service)
    await as_owner(upstream.system.database(service), loss)
    await command(upstream, service, "rebuild")
    again = await command(upstream, service, "rebuild")
    assert "as before" in again.splitlines()[-2]
    await start(upstream, service)
    await drilled.send_more(lambda: asyncio.sleep(0))
    await all_holds(upstream)


async def test_a_lost_audit_database_is_read_again_and_has_the_same_roots(drilled: Populated) -> None:
    upstream = drilled.upstream
    await upstream.settle()
    database = upstream.system.database("audit")
    roots = "select source, partition, size, edge from trees order by source, partition"
    before = await rows_of(database, roots)
    await stop(upstream, "audit")
    await as_admin(upstream, f"DROP DATABASE {database.name} WITH (FORCE)")

    await ensure_databases(upstream.system.admin_dsn)
    await command(upstream, "audit", "migrate")
    await start(upstream, "audit")
    await upstream.settle()

    assert await rows_of(database, roots) == before
    await all_holds(upstream)


async def test_a_lost_intake_without_a_backup_comes_back_from_its_topics(drilled: Populated) -> None:
    upstream = drilled.upstream
    await upstream.settle()
    before = await registered(upstream, NUMBER, "before the loss")
    events = await events_of(upstream, "intake")
    database = upstream.system.database("intake")
    await stop(upstream, "intake")
    await as_admin(upstream, f"DROP DATABASE {database.name} WITH (FORCE)")

    await ensure_databases(upstream.system.admin_dsn)
    await command(upstream, "intake", "migrate")
    await command(upstream, "intake", "recover", "--yes")
    assert await events_of(upstream, "intake") == events
    await start(upstream, "intake")
    assert await registered(upstream, NUMBER, "after the loss", mobile="09128888888") == before
    await drilled.send_more(lambda: asyncio.sleep(0))
    await ask_again(drilled)
    await all_holds(upstream)


@pytest.mark.parametrize(
    ("source", "consumers"), [("intake", ("allocation", "audit")), ("allocation", ("audit",))]
)
async def test_a_fork_stops_its_partition_and_names_both_hashes(
    drilled: Populated, source: str, consumers: tuple[str, ...]
) -> None:
    upstream = drilled.upstream
    await upstream.settle()
    database = upstream.system.database(source)
    before = await events_of(upstream, source)
    last = max(before, key=lambda row: row["sequence"])
    other = last["value"].replace(b'"version":', b'"version":1')
    foreign = leaf_hash(other).hex()

    await write(upstream, source, last["partition"], other)
    reason = await until(lambda: gate_of(upstream, source), SECONDS, f"the closed gate of {source}")

    for told in (f"sequence {last['sequence']} at offset", foreign, last["hash"].hex()):
        assert told in reason
    for consumer in consumers:
        held = await until(lambda name=consumer: held_by(upstream, name), SECONDS, f"what {consumer} holds")  # type: ignore[misc]
        for told in (
            f"partition {last['partition']} of {source} is held at sequence {last['sequence']}",
            foreign,
            last["hash"].hex(),
        ):
            assert told in held
    assert await events_of(upstream, source) == before

    await empty_partition(upstream.system.kafka_bootstrap, f"rahnama.{source}", last["partition"])
    await until(lambda: is_well(upstream), SECONDS, "three services that are well", pause_seconds=0.5)
    assert (await rows_of(database, "select count(*) as events from log"))[0]["events"] == len(before)
    await drilled.send_more(lambda: asyncio.sleep(0))
    await all_holds(upstream)


async def test_a_forged_tombstone_destroys_nothing_in_a_recovery(
    drilled: Populated, backups: Backups
) -> None:
    upstream, number = drilled.upstream, NUMBER + 99
    await upstream.settle()
    taken = await copies(upstream, backups, "intake")
    before = await registered(upstream, number, "before the forgery")
    events = await events_of(upstream, "intake")
    keys = await rows_of(upstream.system.database("intake"), KEYS)
    subject = f"student/{before['student_id']}"
    await set_back(upstream, backups, taken)
    partition = next(row["partition"] for row in events if row["subject"] == subject)
    forged = record_key(Keyring(upstream.servers.master_key), "default", subject)
    await write(upstream, "keys", partition, None, key=forged)

    with pytest.raises(PartFailedError, match="there is no terminal to ask on"):
        await command(upstream, "intake", "recover")
    told = await command(upstream, "intake", "recover", "--yes")
    assert f"not destroyed unless confirmed: {subject} of default" in told
    assert f"{subject} is kept: nothing confirms its tombstone" in told
    assert await events_of(upstream, "intake") == events
    assert await rows_of(upstream.system.database("intake"), KEYS) == keys
    await start(upstream, "intake")
    assert await registered(upstream, number, "after the forgery", mobile="09127777777") == before
    await all_holds(upstream)


async def test_a_lost_kafka_is_filled_again_keys_included(drilled: Populated) -> None:
    """The last drill: what `rahnama.rejections` had told is not told again, which the invariants of others would miss."""
    upstream = drilled.upstream
    await upstream.settle()
    await upstream.system.kill("kafka")
    shutil.rmtree(upstream.system.folder / "kafka" / "data")
    await upstream.system.start_part("kafka")
    await ensure_topics(upstream.system.kafka_bootstrap)
    for source in ("intake", "allocation"):
        await wait_for_refill(upstream, source)

    keyring = Keyring(upstream.servers.master_key)
    told = {
        (key.tenant, key.subject): key.wrapped_key
        async for record in read_records(upstream.system.kafka_bootstrap, "rahnama.keys")
        for key in [open_record(keyring, record.key, record.value)]
    }
    kept = await rows_of(
        upstream.system.database("intake"), "select tenant, subject, wrapped_key from subject_keys"
    )
    assert told == {(row["tenant"], row["subject"]): row["wrapped_key"] for row in kept}
    await drilled.send_more(lambda: asyncio.sleep(0))
    report = await upstream.verify()
    assert report["verified"], report["first_difference"]
