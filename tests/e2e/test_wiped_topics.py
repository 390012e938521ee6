"""Kafka can be lost: a topic that is wiped under the running system is filled again, and everything goes on."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from infra.local.topics import ensure_topics
from infra.services import LOGS
from tests.deadlines import until
from tests.e2e.load import Populated
from tests.e2e.people import event, student
from tests.e2e.upstream import Upstream
from tests.invariants.chains import first_occurrences
from tests.invariants.every import everything_holds
from tests.invariants.evidence import Row
from tests.invariants.reading import INBOUND, admin_of, end_offsets, read_rows, read_topic

REFILL_SECONDS: Final = 45.0
TO_THE_END: Final = -1
TABLES: Final = {
    "allocation.log": "select * from log",
    "allocation.enrolments": "select * from enrolments",
    "audit.ledger": "select * from ledger",
}
KEYS: Final = ("source", "partition", "sequence", "tenant", "year", "student_id")

Wipe = Callable[[Upstream, str], Awaitable[None]]


async def delete_records(upstream: Upstream, topic: str) -> None:
    """All that the topic holds at this moment; its offsets go on."""
    partitions = await end_offsets(upstream.system.kafka_bootstrap, topic)
    async with admin_of(upstream.system.kafka_bootstrap) as admin:
        await admin.delete_records(
            {TopicPartition(topic, partition): RecordsToDelete(TO_THE_END) for partition in partitions}
        )


async def make_anew(upstream: Upstream, topic: str) -> None:
    """Deletes the topic and creates it; its offsets begin at 0."""
    async with admin_of(upstream.system.kafka_bootstrap) as admin:
        await admin.delete_topics([topic])
    await ensure_topics(upstream.system.kafka_bootstrap)


WIPES: Final[Mapping[str, Wipe]] = {"its records deleted": delete_records, "made anew": make_anew}


async def all_rows(upstream: Upstream) -> dict[tuple[object, ...], Row]:
    """Every row of the tables that must not change, under its key."""
    found: dict[tuple[object, ...], Row] = {}
    for table, query in TABLES.items():
        service = table.partition(".")[0]
        for row in await read_rows(upstream.servers.dsns[service], query):
            found[table, *(row.get(key) for key in KEYS)] = row
    return found


async def wait_for_refill(upstream: Upstream, source: str) -> None:
    """Returns when the topic holds the whole log again, from its first event on."""
    ends = {
        row["partition"]: row["sequence"]
        for row in await read_rows(
            upstream.servers.dsns[source], "select partition, sequence from log_head where sequence > 0"
        )
    }

    async def is_whole() -> bool:
        topic = await read_topic(upstream.servers, source)
        try:
            return ends == {
                partition: len(first_occurrences("", values)) for partition, values in topic.items()
            }
        except AssertionError:  # it goes on after what was wiped, and was not mended yet
            return False

    await until(is_whole, REFILL_SECONDS, f"the whole log of {source} on its topic", pause_seconds=0.5)


@pytest.mark.parametrize("source", LOGS)
@pytest.mark.parametrize("wipe", WIPES)
async def test_a_topic_wiped_under_load_is_filled_again_and_changes_nothing_that_was_decided(
    populated: Populated, source: str, wipe: str
) -> None:
    upstream = populated.upstream
    before = await all_rows(upstream)
    await populated.send_more(lambda: WIPES[wipe](upstream, f"rahnama.{source}"))
    await wait_for_refill(upstream, source)

    after = await all_rows(upstream)
    changed = [key for key, row in before.items() if after.get(key) != row]
    assert not changed, f"{len(changed)} rows are not what they were, for example {changed[0]}"
    assert len(after) > len(before) + 2 * populated.PORTION_EVENTS  # facts, decisions, and both in the ledger
    everything_holds(await upstream.evidence())
    report = await upstream.verify()
    assert report["verified"], report["first_difference"]


async def test_the_inbound_topic_made_anew_is_read_from_its_beginning(populated: Populated) -> None:
    upstream = populated.upstream
    before = event("student.registered", "before the inbound topic", student(440_000_000))
    after = event("student.registered", "after the inbound topic", student(440_000_001))
    await upstream.produce_events([before])
    await upstream.settle()
    first = await upstream.look_up(before)

    await make_anew(upstream, INBOUND)
    await upstream.produce_events([before, after])
    await until(lambda: upstream.find(after), REFILL_SECONDS, "intake's answer")
    await upstream.settle()
    assert (await upstream.look_up(after))["status"] == "accepted"
    assert await upstream.look_up(before) == first
    everything_holds(await upstream.evidence())
