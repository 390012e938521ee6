"""Verifications on real Kafka and Postgres: whatever was tampered with, the record is named."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio

from services.audit.decide.trees import grow, root
from shared.contracts.envelope import leaf_hash
from tests.integration.audit.running import PARTITIONS, Audit, history, running_audit
from tests.locks import locked

if TYPE_CHECKING:
    from infra.local.databases import Databases
    from tests.servers import MakesTopics

HISTORY = [history("intake", 0, 25), history("intake", 2, 40), history("allocation", 2, 60)]
AT = "where source = 'intake' and partition = 2"

TAMPERINGS = {
    "one byte changed": (
        f"update ledger set value = set_byte(value, 300, get_byte(value, 300) # 1) {AT} and sequence = 17",
        "ledger",
        17,
    ),
    "one byte changed with its hash": (
        f"update ledger set value = set_byte(value, 300, get_byte(value, 300) # 1),"
        f" hash = sha256('\\x00' || set_byte(value, 300, get_byte(value, 300) # 1)) {AT} and sequence = 17",
        "ledger",
        17,
    ),
    "the last one changed with its hash": (
        f"update ledger set value = set_byte(value, 300, get_byte(value, 300) # 1),"
        f" hash = sha256('\\x00' || set_byte(value, 300, get_byte(value, 300) # 1)) {AT} and sequence = 40",
        "ledger",
        40,
    ),
    "the hash alone": (f"update ledger set hash = sha256('') {AT} and sequence = 40", "ledger", 40),
    "a row deleted": (f"delete from ledger {AT} and sequence = 9", "ledger", 9),
    "the last row deleted": (f"delete from ledger {AT} and sequence = 40", "ledger", 40),
    "every row deleted": (f"delete from ledger {AT}", "ledger", 1),
    "two rows swapped": (
        f"update ledger set value = other.value, hash = other.hash from (select sequence, value, hash from ledger"
        f" {AT}) as other where source = 'intake' and partition = 2 and"
        f" (ledger.sequence, other.sequence) in ((5, 6), (6, 5))",
        "ledger",
        5,
    ),
    "another tenant beside it": (
        f"update ledger set tenant = 'elsewhere' {AT} and sequence = 3",
        "ledger",
        3,
    ),
    "another time beside it": (
        f"update ledger set time = time - interval '1 microsecond' {AT} and sequence = 3",
        "ledger",
        3,
    ),
    "a row too many": (
        "insert into ledger select source, partition, 41, type, tenant, subject, time, value, hash, traceparent,"
        f" topic, kafka_offset, kafka_timestamp_ms, recorded_at from ledger {AT} and sequence = 40",
        "ledger",
        41,
    ),
    "the tree's edge": (f"update trees set edge = sha256('') || sha256('') {AT}", "tree", 40),
    "the tree's size": (f"update trees set size = 39 {AT}", "tree", 40),
    "the position's hash": (f"update inbox set hash = sha256('') {AT}", "tree", 40),
    "the tree removed": (f"delete from trees {AT}", "tree", 1),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kept(
    module_databases: "Databases", module_topics: "MakesTopics", tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Audit]:
    """An audit service that holds `HISTORY`; tests undo what they do to it."""
    topics = await module_topics(partitions=PARTITIONS)
    folder = tmp_path_factory.mktemp("keys")
    database = module_databases.audit
    async with running_audit(database, topics, folder, verification_batch_records=7) as audit:
        await audit.keep(*HISTORY)
        await audit.owner.execute(
            "create schema saved; create table saved.ledger as table ledger;"
            " create table saved.trees as table trees; create table saved.inbox as table inbox"
        )
        yield audit


async def restore(audit: Audit) -> None:
    await audit.owner.execute(
        "truncate ledger, trees, inbox; insert into ledger table saved.ledger;"
        " insert into trees table saved.trees; insert into inbox table saved.inbox;"
        " update installation set partitions = 4"
    )


async def test_an_untouched_history_is_verified_and_every_tree_is_told(kept: Audit) -> None:
    report = await kept.verify()
    assert report["verified"], report["first_difference"]
    assert report["first_difference"] is None
    assert report["records"] == sum(len(chain.values) for chain in HISTORY)
    assert report["seconds"] > 0
    trees = {(tree["source"], tree["partition"]): tree for tree in report["trees"]}
    assert sorted(trees) == [
        (source, part) for source in ("allocation", "intake") for part in range(PARTITIONS)
    ]
    for chain in HISTORY:
        tree = trees[(chain.source, chain.partition)]
        assert tree["size"] == len(chain.values)
        assert tree["root"] == root(grow((), 0, [leaf_hash(value) for value in chain.values])).hex()
    assert {(tree["ledger"], tree["topic"], tree["tree"], tree["ahead"]) for tree in trees.values()} == {
        ("ok", "ok", "ok", 0)
    }


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_the_first_record_that_was_tampered_with_is_named(kept: Audit, tampering: str) -> None:
    statement, where, sequence = TAMPERINGS[tampering]
    try:
        await kept.owner.execute(statement)
        report = await kept.verify()
    finally:
        await restore(kept)
    first = report["first_difference"]
    assert not report["verified"]
    assert (first["source"], first["partition"], first["sequence"], first["where"]) == (
        "intake",
        2,
        sequence,
        where,
    )
    assert first["message"]


async def test_a_record_of_a_partition_without_a_tree_is_named(kept: Audit) -> None:
    try:
        await kept.owner.execute(
            "insert into ledger select source, 7, sequence, type, tenant, subject, time, value, hash, traceparent,"
            f" topic, kafka_offset, kafka_timestamp_ms, recorded_at from ledger {AT} and sequence in (4, 5)"
        )
        first = (await kept.verify())["first_difference"]
    finally:
        await restore(kept)
    assert (first["source"], first["partition"], first["sequence"]) == ("intake", 7, 4)


async def test_a_database_made_for_another_number_of_partitions_is_not_verified(kept: Audit) -> None:
    try:
        await kept.owner.execute("update installation set partitions = 6")
        report = await kept.verify()
    finally:
        await restore(kept)
    assert not report["verified"]
    assert (report["first_difference"]["expected"], report["first_difference"]["found"]) == ("4", "6")


async def test_only_the_sources_that_were_asked_for_are_verified(kept: Audit) -> None:
    report = await kept.verify(sources=["allocation"])
    assert {tree["source"] for tree in report["trees"]} == {"allocation"}
    assert report["records"] == 60


@pytest.mark.parametrize("body", [{"sources": []}, {"sources": ["x"]}, {"source": ["intake"]}])
async def test_a_request_that_does_not_fit_is_refused(kept: Audit, body: dict[str, Any]) -> None:
    answer = await kept.client.post("/v1/verifications", json=body, headers=kept.issuer.headers("auditor"))
    assert answer.status_code == 422


async def test_a_tenant_has_one_verification_at_a_time_and_does_not_hold_up_another(kept: Audit) -> None:
    async def verify(sub: str, tenant: str = "default") -> httpx.Response:
        headers = kept.issuer.headers("auditor", tenant, sub=sub)
        return await kept.client.post("/v1/verifications", headers=headers)

    async with locked(kept.database.owner_dsn, "trees") as table:
        held = [asyncio.create_task(verify("one"))]
        await table.waits_for(1)
        again, colleague = await verify("one"), await verify("two")
        assert (again.status_code, again.json()["code"]) == (429, "EXPENSIVE_READ_RUNNING")
        assert (colleague.status_code, colleague.json()["code"]) == (503, "VERIFICATION_RUNNING")
        assert again.headers["retry-after"]
        assert colleague.headers["retry-after"]
        scan = await kept.client.get("/v1/records?type=x", headers=kept.issuer.headers("auditor", sub="one"))
        assert (scan.status_code, scan.json()["code"]) == (429, "EXPENSIVE_READ_RUNNING")
        held.append(asyncio.create_task(verify("one", "other")))
        await table.waits_for(2)
    for answer in await asyncio.gather(*held):
        assert answer.status_code == 200, answer.text
        assert answer.json()["verified"]
    assert (await verify("two")).status_code == 200
