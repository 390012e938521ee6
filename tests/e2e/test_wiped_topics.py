"""Kafka can be lost: a topic that is wiped under the running system is filled again, and everything goes on."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import pytest
import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from infra.demo.cohort import CohortSize, Event, make_cohort
from infra.local.topics import ensure_topics
from tests.e2e.evidence import INBOUND, Row, admin_of, end_offsets, gather, read_rows, read_topic
from tests.e2e.invariants import everything_holds, first_occurrences
from tests.e2e.load import Load
from tests.e2e.people import event, student
from tests.e2e.upstream import Upstream
from tests.e2e.waiting import within

SOURCES: Final = ("intake", "allocation")
REFILL_SECONDS: Final = 45.0
TO_THE_END: Final = -1
STUDENTS_A_WIPE: Final = 400
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
COHORT: Final = make_cohort(
    seed=4,
    size=CohortSize(students=STUDENTS_A_WIPE * (1 + len(SOURCES) * len(WIPES)), mentors=100, managers=5),
)


def students_of_round(number: int) -> Sequence[Event]:
    """The cohort's students in equal parts; round 0 is there before anything is wiped."""
    share = len(COHORT.students) // (1 + len(SOURCES) * len(WIPES))
    return COHORT.students[number * share : (number + 1) * share]


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

    await within(REFILL_SECONDS, is_whole, f"the whole log of {source} on its topic", pause_seconds=0.5)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def populated(battered: Upstream) -> Upstream:
    """A system with mentors and the first students."""
    await battered.send_again(COHORT.reference)
    await Load(battered, students_of_round(0)).run(battered.settle)
    await battered.settle()
    return battered


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("wipe", WIPES)
async def test_a_topic_wiped_under_load_is_filled_again_and_changes_nothing_that_was_decided(
    populated: Upstream, source: str, wipe: str
) -> None:
    before = await all_rows(populated)
    number = 1 + SOURCES.index(source) * len(WIPES) + list(WIPES).index(wipe)
    load = Load(populated, students_of_round(number))
    await load.run(lambda: WIPES[wipe](populated, f"rahnama.{source}"))
    await populated.settle()
    await wait_for_refill(populated, source)

    after = await all_rows(populated)
    changed = [key for key, row in before.items() if after.get(key) != row]
    assert not changed, f"{len(changed)} rows are not what they were, for example {changed[0]}"
    assert len(after) >= len(before) + 3 * STUDENTS_A_WIPE * 0.9  # new students were decided and recorded
    everything_holds(await gather(populated.servers))
    report = await populated.verify()
    assert report["verified"], report["first_difference"]


async def test_the_inbound_topic_made_anew_is_read_from_its_beginning(populated: Upstream) -> None:
    await make_anew(populated, INBOUND)
    sent = event("student.registered", "after the inbound topic", student(440_000_000))
    repeated = next(event for event in COHORT.students if str(event["id"]).startswith("student-"))
    await populated.produce_events([repeated, sent])

    async def is_answered() -> bool:
        answer = await populated.client.post(
            f"{populated.urls['intake']}/v1/events/lookup", json={"source": sent["source"], "id": sent["id"]}
        )
        return answer.status_code == 200

    await within(REFILL_SECONDS, is_answered, "intake's answer")
    assert (await populated.look_up(sent))["status"] == "accepted"
    await populated.settle()
    everything_holds(await gather(populated.servers))
