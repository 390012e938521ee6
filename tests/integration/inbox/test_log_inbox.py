"""LogInbox on real servers: whatever the topic or the database does, each event is applied once, in order."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from opentelemetry.sdk.resources import Resource
from prometheus_client import REGISTRY

from shared.contracts.envelope import leaf_hash
from shared.errors import Unapplicable
from shared.inbox import positions
from shared.inbox.positions import Slice
from shared.telemetry.metrics import start_metrics
from tests.deadlines import until
from tests.integration.inbox.adder import (
    Adder,
    Sum,
    chain,
    continued,
    inbox,
    publish,
    reached,
    reading,
)
from tests.invariants.reading import admin_of

if TYPE_CHECKING:
    from tests.servers import MakesTopics, PostgresCluster


async def test_events_that_come_again_are_applied_once(adder: Adder, topics: "MakesTopics") -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(300)
    await publish(kafka.bootstrap, topic, events[:200])
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await reached(adder, {0: 200})
        await publish(kafka.bootstrap, topic, events[50:250])
        await publish(kafka.bootstrap, topic, events)
        await publish(kafka.bootstrap, topic, chain(40, partition=1), partition=1)
        await reached(adder, {0: 300, 1: 40})
        positions = {item.partition: (item.applied, item.newest) for item in await member.positions()}
        assert positions[0] == (300, 300)
        assert positions[1] == (40, 40)
        assert positions[2] == (0, 0)
        assert member.held() == []


async def test_a_successor_reads_on_from_where_the_database_is(adder: Adder, topics: "MakesTopics") -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(120)
    await publish(kafka.bootstrap, topic, events[:60])
    async with reading(inbox(adder, kafka.bootstrap, topic)):
        await reached(adder, {0: 60})
    await publish(kafka.bootstrap, topic, events[60:])
    async with reading(inbox(adder, kafka.bootstrap, topic)):
        await reached(adder, {0: 120})
    async with reading(inbox(adder, kafka.bootstrap, topic, group="other")) as member:
        await until(lambda: member.ready() is None)
        await reached(adder, {0: 120})


async def test_a_gap_waits_with_an_alarm_until_the_topic_is_filled(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(100)
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, events[:40] + events[60:80])
        await publish(kafka.bootstrap, topic, chain(30, partition=1), partition=1)
        await reached(adder, {0: 40, 1: 30})
        await until(lambda: [(held.code, held.sequence) for held in member.held()] == [("GAP", 41)])
        await publish(kafka.bootstrap, topic, events[40:])
        await reached(adder, {0: 100, 1: 30})
        await until(lambda: member.held() == [])


async def test_events_out_of_order_are_found_in_the_topic(adder: Adder, topics: "MakesTopics") -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(90)
    await publish(kafka.bootstrap, topic, events[30:60] + events[:30] + events[60:])
    async with reading(inbox(adder, kafka.bootstrap, topic)):
        await reached(adder, {0: 90})


async def test_a_fork_holds_its_partition_while_the_others_go_on(adder: Adder, topics: "MakesTopics") -> None:
    start_metrics(Resource.get_empty())
    kafka = await topics(partitions=2)
    topic, foreign = kafka.name("rahnama.intake"), chain(50, start="another history")
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, chain(20) + foreign[20:])
        await publish(kafka.bootstrap, topic, chain(70, partition=1), partition=1)
        await reached(adder, {0: 20, 1: 70})
        await until(
            lambda: (
                [(held.partition, held.code, held.sequence) for held in member.held()] == [(0, "FORK", 21)]
            )
        )
        await publish(kafka.bootstrap, topic, chain(80, partition=1)[70:], partition=1)
        await reached(adder, {0: 20, 1: 80})
        assert member.ready() is None
        [told] = member.troubles()
        assert "partition 0 of intake is held at sequence 21" in told
        assert leaf_hash(chain(20)[-1]).hex() in told
        assert leaf_hash(foreign[19]).hex() in told
        assert REGISTRY.get_sample_value("rahnama_inbox_held", {"source": "intake", "partition": "0"}) == 1
        async with reading(inbox(adder, kafka.bootstrap, topic)) as other:  # pauses are lost in a rebalance
            await publish(kafka.bootstrap, topic, chain(90, partition=1)[80:], partition=1)
            await reached(adder, {0: 20, 1: 90})
            await until(lambda: [held.code for held in member.held() + other.held()] == ["FORK"])


async def test_a_repeat_of_the_last_event_with_other_bytes_is_a_fork(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic = kafka.name("rahnama.intake")
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, chain(20))
        await reached(adder, {0: 20})
        await publish(kafka.bootstrap, topic, chain(20, start="another history")[19:])
        await until(lambda: [(held.code, held.sequence) for held in member.held()] == [("FORK", 20)])
        [told] = member.troubles()
        assert leaf_hash(chain(20)[-1]).hex() in told
        assert leaf_hash(chain(20, start="another history")[-1]).hex() in told


async def test_the_true_event_behind_a_forged_one_is_a_fork_and_not_a_repeat(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(30)
    forged = continued(events[:20], 3, start="forged")
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, [*events[:20], *forged])
        await reached(adder, {0: 23})
        assert member.held() == []
        await publish(kafka.bootstrap, topic, events[20:22])
        await until(lambda: [(held.code, held.sequence) for held in member.held()] == [("FORK", 21)])
        [told] = member.troubles()
        assert f"its hash is {leaf_hash(events[20]).hex()}" in told
        assert f"{leaf_hash(forged[0]).hex()} was applied" in told
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:  # a restart loses no hash
        await until(lambda: [(held.code, held.sequence) for held in member.held()] == [("FORK", 21)])


async def test_a_position_beyond_the_end_of_its_topic_is_an_alarm_until_the_topic_has_it(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(25)
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, events[:23])
        await reached(adder, {0: 23})
        await delete_all(kafka.bootstrap, topic)
        await publish(kafka.bootstrap, topic, events[:20])  # the log ends here: the others were foreign
        await until(lambda: member.troubles() != [])
        [told] = member.troubles()
        assert "partition 0 of intake was applied to sequence 23, but its topic ends at 20" in told
        assert member.held() == []
        await publish(kafka.bootstrap, topic, events[20:])
        await reached(adder, {0: 25})
        await until(lambda: member.troubles() == [])


async def delete_all(bootstrap: str, topic: str) -> None:
    async with admin_of(bootstrap) as admin:
        await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(-1)})


async def test_only_the_last_hashes_are_kept_and_they_outlast_a_restart(
    adder: Adder, topics: "MakesTopics", monkeypatch: "pytest.MonkeyPatch"
) -> None:
    monkeypatch.setattr(positions, "HASHES_KEPT", 10)
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(60)
    for last in range(5, 65, 5):
        async with reading(inbox(adder, kafka.bootstrap, topic)):
            await publish(kafka.bootstrap, topic, events[last - 5 : last])
            await reached(adder, {0: last})
    kept = await adder.hashes("intake", 0, range(1, 61))
    assert kept == {sequence: leaf_hash(events[sequence - 1]) for sequence in range(51, 61)}
    forged = chain(60, start="forged")
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, [forged[40], events[55], forged[54]])
        await until(lambda: [(held.code, held.sequence) for held in member.held()] == [("FORK", 55)])


async def test_bytes_that_are_no_event_hold_their_partition(adder: Adder, topics: "MakesTopics") -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(30)
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, [*events[:10], b"{not an event", *events[10:]])
        await publish(kafka.bootstrap, topic, [*chain(5, partition=1), events[5]], partition=1)
        await reached(adder, {0: 10, 1: 5})
        await until(lambda: len(member.held()) == 2)
        assert {(held.partition, held.code, held.sequence) for held in member.held()} == {
            (0, "UNAPPLICABLE", 11),
            (1, "UNAPPLICABLE", 6),
        }
        assert all("offset" in held.reason for held in member.held())


async def test_an_event_that_the_service_cannot_apply_holds_only_its_partition(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic = kafka.name("rahnama.intake")

    async def refuse(slices: Sequence[Slice[Sum]]) -> None:
        for piece in slices:
            if piece.partition == 0 and any(record.sequence == 15 for record in piece.records):
                raise Unapplicable("intake", 0, 15, "an unknown type")

    adder.before = refuse
    await publish(kafka.bootstrap, topic, chain(30))
    await publish(kafka.bootstrap, topic, chain(40, partition=1), partition=1)
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await reached(adder, {0: 14, 1: 40})
        await until(lambda: len(member.held()) == 1)
        assert (member.held()[0].sequence, member.held()[0].reason) == (15, "an unknown type")


async def test_a_mistake_in_one_partition_is_held_and_the_others_are_applied_alone(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=4)
    topic = kafka.name("rahnama.intake")

    async def mistake(slices: Sequence[Slice[Sum]]) -> None:
        if any(piece.partition == 2 for piece in slices):
            raise KeyError("personal data that must not be told")

    adder.before = mistake
    for partition in range(4):
        await publish(kafka.bootstrap, topic, chain(10, partition=partition), partition=partition)
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await reached(adder, {0: 10, 1: 10, 3: 10})
        await until(lambda: [(held.partition, held.sequence) for held in member.held()] == [(2, 1)])
        assert "personal" not in member.held()[0].reason


async def test_terminated_connections_are_tried_again_and_nothing_is_lost_or_twice(
    adder: Adder, topics: "MakesTopics", postgres: "PostgresCluster"
) -> None:
    kafka = await topics(partitions=2)
    topic = kafka.name("rahnama.intake")
    administrator = await asyncpg.connect(postgres.admin_dsn)
    database = await adder.pool.fetchval("select current_database()")
    terminations = 0

    async def terminate(slices: Sequence[Slice[Sum]]) -> None:
        nonlocal terminations
        terminations += 1
        if terminations <= 5:
            await administrator.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = $1 and usename = 'rahnama_allocation'",
                database,
            )

    adder.before = terminate
    async with reading(inbox(adder, kafka.bootstrap, topic)) as member:
        await publish(kafka.bootstrap, topic, chain(25))
        await publish(kafka.bootstrap, topic, chain(35, partition=1), partition=1)
        await until(lambda: terminations > 5)
        await reached(adder, {0: 25, 1: 35})
        assert member.held() == []
        await publish(kafka.bootstrap, topic, chain(50)[25:])
        await reached(adder, {0: 50, 1: 35})
    await administrator.close()


async def test_another_process_that_moved_the_position_makes_the_state_be_loaded_again(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic, events = kafka.name("rahnama.intake"), chain(100)
    async with reading(inbox(adder, kafka.bootstrap, topic)) as zombie:
        await publish(kafka.bootstrap, topic, events[:20])
        await reached(adder, {0: 20})
        loads = adder.loads
        async with reading(inbox(adder, kafka.bootstrap, topic, group="successor")) as successor:
            await publish(kafka.bootstrap, topic, events[20:])
            await reached(adder, {0: 100})
            await asyncio.sleep(0.5)
            assert adder.loads > loads
            assert zombie.held() == successor.held() == []


async def test_instances_come_and_go_and_each_event_counts_once(adder: Adder, topics: "MakesTopics") -> None:
    kafka = await topics(partitions=6)
    topic, count = kafka.name("rahnama.intake"), 2000
    events = {partition: chain(count, partition=partition) for partition in range(6)}

    async def produce() -> None:
        for start in range(0, count, 250):
            for partition, values in events.items():
                await publish(kafka.bootstrap, topic, values[start : start + 250], partition=partition)

    async with reading(inbox(adder, kafka.bootstrap, topic, batch_records=100)):
        producing = asyncio.create_task(produce())
        for _ in range(2):
            async with reading(inbox(adder, kafka.bootstrap, topic, batch_records=100)):
                await asyncio.sleep(0.7)
        await producing
        await reached(adder, dict.fromkeys(range(6), count), seconds=20)


async def test_every_instance_knows_how_far_the_partitions_of_the_others_go(
    adder: Adder, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic = kafka.name("rahnama.intake")
    for partition in range(2):
        await publish(kafka.bootstrap, topic, chain(40, partition=partition), partition=partition)
    async with reading(inbox(adder, kafka.bootstrap, topic)) as one:
        await reached(adder, {0: 40, 1: 40})
        async with reading(inbox(adder, kafka.bootstrap, topic)) as other:

            async def known() -> bool:
                wanted = [("intake", partition, 40, 40) for partition in range(2)]
                return [(await member.positions())[:2] for member in (one, other)] == [wanted, wanted]

            await until(known)
