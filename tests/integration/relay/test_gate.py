"""The gate: nothing is appended to a log that was not compared with its topic, or that disagrees with it."""

import asyncio
import json

import pytest

from infra.local.ports import free_ports
from shared.append.log import Log
from shared.contracts.envelope import leaf_hash
from shared.errors import GateClosed
from tests.deadlines import until
from tests.integration.relay.harness import RelayHarness, until_published


async def test_a_log_behind_its_topic_is_closed_until_its_events_are_back(harness: RelayHarness) -> None:
    async with harness.running() as relay:
        await harness.append(8, relay=relay)
        await until_published(relay, 8)
    extent = await harness.extent()
    await harness.as_owner("create table backup as select * from log where sequence > 5")
    try:
        await harness.restore_to(5)
        async with harness.running(log=(restored := Log("intake", topic=harness.topic))) as relay:
            assert not restored.gate.is_open
            reason = relay.ready()
            assert reason is not None
            assert "holds sequence 8, but the log ends at 5" in reason
            assert "missing events must be brought back" in reason
            harness.log = restored
            with pytest.raises(GateClosed, match="the database was restored"):
                await harness.append(1)
            assert await harness.extent() == extent
            await harness.as_owner(
                "insert into log select * from backup",
                "update log_head set sequence = 8, hash = (select hash from log where sequence = 8)"
                " where partition = 0",
            )
            await until(lambda: relay.ready() is None)
            await harness.append(1, relay=relay)
            await until_published(relay, 9)
            assert await harness.extent() == (extent[0], extent[1] + 1)
    finally:
        await harness.as_owner("drop table backup")


async def test_a_log_behind_its_topic_is_closed_though_a_late_repeat_stands_at_the_end(
    harness: RelayHarness,
) -> None:
    async with harness.running() as relay:
        committed = await harness.append(8, relay=relay)
        await until_published(relay, 8)
    await harness.produce([event.value for event in committed[:5]])  # the late batch of an earlier leader
    extent = await harness.extent()
    await harness.restore_to(5)
    async with harness.running(log=(restored := Log("intake", topic=harness.topic))) as relay:
        assert not restored.gate.is_open
        assert "holds sequence 8, but the log ends at 5" in (relay.ready() or "")
        assert await harness.extent() == extent


async def test_a_misplaced_event_beyond_a_restored_log_is_not_deleted_by_a_refill(
    harness: RelayHarness,
) -> None:
    values = [event.value for event in await harness.append_before_start(8)]
    await harness.produce(
        [values[0], values[7], *values[1:5]]
    )  # a late batch of an earlier leader in a refill
    await harness.restore_to(5)
    async with harness.running() as relay:
        await until(lambda: "holds sequence 8, but the log ends at 5" in (relay.ready() or ""))
        assert not harness.log.gate.is_open
        assert await harness.extent() == (0, 6)


async def test_a_fork_closes_the_gate_and_deletes_nothing(harness: RelayHarness) -> None:
    committed = await harness.append_before_start(10)
    other = json.loads(committed[6].value)
    other["data"] = {"number": "another"}
    await harness.produce([event.value for event in committed[:6]] + [json.dumps(other).encode()])
    async with harness.running() as relay:
        reason = relay.ready()
        assert reason is not None
        assert "sequence 7 at offset 6 is another event than in the log: a fork" in reason
        assert f"the topic has the hash {leaf_hash(json.dumps(other).encode()).hex()}" in reason
        assert f"the log {committed[6].hash.hex()}" in reason
        await asyncio.sleep(1)
        assert await harness.extent() == (0, 7)
        assert relay.published()[0] == 0


async def test_a_forked_partition_does_not_hold_the_others(harness: RelayHarness) -> None:
    committed = await harness.append_before_start(3)
    await harness.append_before_start(4, partition=1)
    await harness.produce([committed[0].value.replace(b"thing/0", b"thing/7")])
    async with harness.running() as relay:
        await until_published(relay, 4, partition=1)
        assert len(await harness.values(1)) == 4
        assert relay.ready() is not None


@pytest.mark.parametrize(
    "foreign", [b"not json", b"", b"{}", b'{"specversion":"1.0"}'], ids=["text", "empty", "object", "short"]
)
async def test_a_record_that_is_no_event_is_an_alarm_and_leaves_the_gate_open(
    harness: RelayHarness, foreign: bytes
) -> None:
    async with harness.running() as relay:
        await harness.append(3, relay=relay)
        await until_published(relay, 3)
        await harness.produce([foreign] * 3)
        await until(lambda: relay.ready() is not None)
        await asyncio.sleep(1.0)  # some looks
        reason = relay.ready()
        assert reason is not None
        assert (
            f"partition 0 of {harness.topic}: offset 3 holds a record that is no event of this log" in reason
        )
        assert harness.log.gate.is_open
    async with harness.running() as relay:  # who starts now finds it at the end
        await until(lambda: harness.log.gate.is_open)
        assert "no event of this log" in (relay.ready() or "")
        await harness.append(1, relay=relay)
        await until_published(relay, 4)
        assert await harness.extent() == (0, 7)


async def test_foreign_records_alone_are_replaced_by_the_log(harness: RelayHarness) -> None:
    committed = await harness.append_before_start(3)
    await harness.as_owner("update log_published set sequence = 3 where partition = 0")
    await harness.produce([b"not json"])

    async def refilled() -> bool:
        return await harness.values() == [event.value for event in committed]

    async with harness.running() as relay:
        await until(refilled)
        await until(lambda: relay.ready() is None)


async def test_an_event_of_another_partition_is_no_event_of_this_one(harness: RelayHarness) -> None:
    committed = await harness.append_before_start(1, partition=1)
    await harness.produce([committed[0].value], partition=0)
    async with harness.running() as relay:
        reason = relay.ready()
        assert reason is not None
        assert "partition 0" in reason
        assert "no event of this log" in reason


async def test_a_topic_with_another_number_of_partitions_keeps_the_gate_closed(harness: RelayHarness) -> None:
    harness.topic = harness.log.topic = f"{harness.topic}-three"
    await harness.create_topic(partitions=3)
    relay = harness.relay()
    starting = asyncio.create_task(relay.start())
    await until(lambda: "has 3 partitions, not 2" in (relay.ready() or ""))
    assert not harness.log.gate.is_open
    starting.cancel()
    await relay.stop()


async def test_without_kafka_a_closed_gate_stays_closed_and_tells_why(harness: RelayHarness) -> None:
    harness.bootstrap = f"127.0.0.1:{free_ports(1)[0]}"
    relay = harness.relay()
    starting = asyncio.create_task(relay.start())
    await until(lambda: "KafkaConnectionError" in (relay.ready() or ""))
    with pytest.raises(GateClosed, match="not compared with its topic yet"):
        await harness.append(1)
    starting.cancel()
    await relay.stop()


async def test_every_instance_opens_its_own_gate(harness: RelayHarness) -> None:
    other = Log("intake", topic=harness.topic)
    async with harness.running() as leader, harness.running(log=other) as follower:
        assert leader.ready() is None
        assert follower.ready() is None
        assert other.gate.is_open
