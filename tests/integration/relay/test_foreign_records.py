"""A foreign writer is noticed by the relay: on an idle topic, under load, after a restart; repeats are not foreign."""

import asyncio
import json
from collections.abc import MutableMapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from structlog.testing import capture_logs

from shared.append.log import Appended, Log
from shared.contracts.envelope import decode, event_id, leaf_hash
from shared.relay.relay import Relay
from tests.deadlines import until
from tests.integration.relay.harness import RelayHarness, until_published
from tests.integration.relay.test_leadership import ENDS_SESSIONS

NO_LOOK_SECONDS = 600.0


def forged_after(event: Appended) -> bytes:
    """The next event, as somebody else writes it: sequence and `previous` fit."""
    sequence = event.sequence + 1
    value = json.loads(event.value)
    value |= {
        "id": event_id("intake", event.partition, sequence),
        "sequence": f"{sequence:016d}",
        "previous": event.hash.hex(),
        "data": {"number": -1},
    }
    return json.dumps(value, separators=(",", ":")).encode()


def alarms(logs: Sequence[MutableMapping[str, Any]]) -> list[tuple[int, int, str]]:
    return [
        (line["partition"], line["offset"], line["hash"])
        for line in logs
        if line["event"] == "foreign_record"
    ]


async def alarmed(relay: Relay) -> str:
    await until(lambda: relay.ready() is not None)
    reason = relay.ready()
    assert reason is not None
    return reason


async def test_a_forged_next_event_on_an_idle_topic_is_an_alarm_before_any_look(
    harness: RelayHarness,
) -> None:
    with capture_logs() as logs:
        async with harness.running(look_seconds=NO_LOOK_SECONDS) as relay:
            [*_, last] = await harness.append(3, relay=relay)
            await until_published(relay, 3)
            forged = forged_after(last)
            await harness.produce([forged])
            reason = await alarmed(relay)
            assert f"partition 0 of {harness.topic}: sequence 4 at offset 3 has the hash" in reason
            assert leaf_hash(forged).hex() in reason
    assert alarms(logs) == [(0, 3, leaf_hash(forged).hex())]


async def test_a_foreign_record_between_the_relays_own_batches_is_an_alarm_while_the_log_grows(
    harness: RelayHarness,
) -> None:
    with capture_logs() as logs:
        async with harness.running(look_seconds=NO_LOOK_SECONDS) as relay:
            growing = asyncio.Event()

            async def grow() -> None:
                while not growing.is_set():
                    await harness.append(20, relay=relay)

            task = asyncio.create_task(grow())
            await until_published(relay, 100)
            await harness.produce([b"garbage"])
            reason = await alarmed(relay)
            growing.set()
            await task
            assert "holds a record that is no event of this log" in reason
            head = max(decode_sequence(value) for value in await harness.values() if value != b"garbage")
            await harness.append(5, relay=relay)
            await until_published(relay, head + 5)
    assert len(alarms(logs)) == 1


def decode_sequence(value: bytes) -> int:
    return int(decode(value).sequence)


async def test_the_alarm_lasts_over_looks_and_ends_when_the_partition_was_refilled(
    harness: RelayHarness,
) -> None:
    with capture_logs() as logs:
        async with harness.running() as relay:
            committed = await harness.append(3, relay=relay)
            await until_published(relay, 3)
            await harness.produce([forged_after(committed[0]), *(event.value for event in committed)])
            await alarmed(relay)
            await asyncio.sleep(1.5)  # some looks: first and last record are the log's own
            assert relay.ready() is not None
            assert harness.log.gate.is_open
            async with harness.admin() as admin:
                await admin.delete_records({TopicPartition(harness.topic, 0): RecordsToDelete(-1)})
            await until(lambda: relay.ready() is None)
            async with asyncio.timeout(15):
                while await harness.values() != [event.value for event in committed]:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
    assert "foreign_records_gone" in {line["event"] for line in logs}


async def test_the_alarm_is_there_again_when_an_instance_leads_again(harness: RelayHarness) -> None:
    first, second = harness.relay(), harness.relay(log=Log("intake", topic=harness.topic))
    await first.start()
    try:
        committed = await harness.append(6, relay=first)
        await until_published(first, 6)
        await harness.produce([forged_after(committed[2]), committed[-1].value])
        await alarmed(first)
        await second.start()
        for _ in range(2):  # the leadership goes to the other one, and comes back
            await harness.pool.fetch(ENDS_SESSIONS)
            await until(lambda: harness.log.gate.is_open)
            await asyncio.sleep(1.0)
            reasons = [relay.ready() for relay in (first, second)]
            assert any("sequence 4 at offset 6 has the hash" in (reason or "") for reason in reasons), reasons
    finally:
        await second.stop()
        await first.stop()


async def test_a_foreign_record_beyond_the_logs_end_closes_the_gate_wherever_it_is(
    harness: RelayHarness,
) -> None:
    """It may be an event that a restored database has lost."""
    async with harness.running() as relay:
        committed = await harness.append(3, relay=relay)
        await until_published(relay, 3)
        await harness.produce([forged_after(committed[-1]), *(event.value for event in committed)])
        await alarmed(relay)
        await until(lambda: not harness.log.gate.is_open)
        assert "holds sequence 4, but the log ends at 3" in (harness.log.gate.reason or "")


async def test_a_relay_that_starts_later_finds_a_foreign_record_in_the_middle(harness: RelayHarness) -> None:
    committed = await harness.append_before_start(6)
    values = [event.value for event in committed]
    forged = forged_after(committed[2])
    await harness.produce([*values[:3], forged, *values[3:]])
    with capture_logs() as logs:
        async with harness.running() as relay:
            reason = await alarmed(relay)
            assert "sequence 4 at offset 3 has the hash" in reason
            assert f"the log has {committed[3].hash.hex()}" in reason
            await harness.append(1, relay=relay)
            await until_published(relay, 7)
    assert alarms(logs) == [(0, 3, leaf_hash(forged).hex())]


async def test_the_logs_own_bytes_are_no_alarm_whoever_sends_them(harness: RelayHarness) -> None:
    with capture_logs() as logs:
        other = Log("intake", topic=harness.topic)
        async with harness.running() as relay, harness.running(log=other) as follower:
            committed = await harness.append(30, relay=relay)
            await until_published(relay, 30)
            values = [event.value for event in committed]
            for repeated in (values[3:9], values[:1], values[::-1], values[-1:]):
                await harness.produce(repeated)
                await harness.append(5, relay=relay)
            async with harness.admin() as admin:  # wiped, and filled again
                await admin.delete_records({TopicPartition(harness.topic, 0): RecordsToDelete(-1)})
            async with asyncio.timeout(15):
                while len(set(await harness.values())) < 50:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            await asyncio.sleep(1.5)
            assert (relay.ready(), follower.ready()) == (None, None)
    assert alarms(logs) == []
