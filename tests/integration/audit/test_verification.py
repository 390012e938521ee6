"""Verifications while topics are cut, filled again, missing or growing."""

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from services.audit.query.topics import TopicUnreadable
from services.audit.query.verifier import Bounds, Verifier
from shared.contracts.envelope import leaf_hash
from shared.kafka.aio_clients import AioKafkaClients
from shared.kafka.closing_clients import Admin
from shared.postgres import open_pool
from tests.chains import Chain
from tests.integration.audit.running import PARTITIONS, Audit, history


async def wipe(audit: Audit, chain: Chain) -> None:
    """Removes everything that stands on a chain's topic partition."""
    place = TopicPartition(audit.topics.name(f"rahnama.{chain.source}"), chain.partition)
    admin = Admin(bootstrap_servers=audit.topics.bootstrap)
    await admin.start()
    try:
        await admin.delete_records({place: RecordsToDelete(before_offset=-1)})
    finally:
        await admin.close()


async def test_a_topic_that_was_cut_or_holds_another_record_is_named(audit: Audit) -> None:
    cut, forged, ahead = (history("intake", 1, 12), history("allocation", 3, 12), history("intake", 3, 6))
    await audit.keep(cut, forged, ahead)
    await wipe(audit, cut)
    await audit.publish(cut, cut.values[:7])
    await wipe(audit, forged)
    values = [value if number != 5 else value.replace(b"mentor/5", b"mentor/6") for number, value in
              enumerate(forged.values)]  # fmt: skip
    await audit.publish(forged, values)

    first = (await audit.verify(sources=["intake"]))["first_difference"]
    assert (first["partition"], first["sequence"], first["where"]) == (1, 8, "topic")
    report = await audit.verify()
    first = report["first_difference"]
    assert (first["source"], first["partition"], first["sequence"], first["where"]) == (
        "allocation",
        3,
        6,
        "topic",
    )
    assert (first["expected"], first["found"]) == (
        leaf_hash(forged.values[5]).hex(),
        leaf_hash(values[5]).hex(),
    )
    verdicts = {(tree["source"], tree["partition"]): tree["topic"] for tree in report["trees"]}
    assert [place for place, verdict in verdicts.items() if verdict == "differs"] == [
        ("allocation", 3),
        ("intake", 1),
    ]


async def test_a_topic_that_was_filled_again_is_verified(audit: Audit) -> None:
    chain = history("intake", 1, 12)
    await audit.keep(chain)
    await wipe(audit, chain)
    await audit.publish(chain, chain.values[:8])
    await audit.publish(chain)
    report = await audit.verify()
    assert report["verified"], report["first_difference"]


async def test_without_kafka_a_verification_says_so(audit: Audit) -> None:
    pool = await open_pool(audit.database.dsn, application="test", size=2)
    topics = {"intake": "rahnama.intake", "allocation": "rahnama.allocation"}
    try:
        verifier = Verifier(
            pool, AioKafkaClients("127.0.0.1:1"), topics, PARTITIONS, Bounds(100, idle_seconds=1.0)
        )
        for _ in range(2):  # the second is not refused as if the first were still running
            with pytest.raises(TopicUnreadable):
                await verifier.verify(["intake"])
    finally:
        await pool.close()


async def test_a_topic_that_is_not_there_is_a_difference(audit: Audit) -> None:
    chain = history("intake", 1, 3)
    await audit.keep(chain)
    pool = await open_pool(audit.database.dsn, application="test", size=2)
    try:
        topics = {"intake": audit.topics.name("nowhere")}
        report = await Verifier(
            pool, AioKafkaClients(audit.topics.bootstrap), topics, PARTITIONS, Bounds(100, 5.0)
        ).verify(["intake"])
    finally:
        await pool.close()
    assert not report.verified
    assert report.first_difference is not None
    assert (report.first_difference.where, report.first_difference.found) == ("topic", "0")
    assert [tree.topic for tree in report.trees] == ["ok", "differs", "ok", "ok"]


async def test_a_history_that_grows_meanwhile_is_verified_as_far_as_it_was(audit: Audit) -> None:
    chain = history("allocation", 1, 600)

    async def go_on() -> None:
        for start in range(0, 600, 20):
            await audit.publish(chain, chain.values[start : start + 20])

    growing = asyncio.create_task(go_on())
    while not growing.done():
        report = await audit.verify()
        assert report["verified"], report["first_difference"]
    await growing
    await audit.reach(chain)
    report = await audit.verify()
    assert (report["verified"], report["records"]) == (True, 600)
