"""Applied records leave `rahnama.inbound` when their mark is old enough; others stay, whatever times they carry."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import TopicPartition

from services.intake.inbox import retention as retention_module
from services.intake.inbox.retention import InboundRetention
from shared.inbox.topic_look import TopicLook
from shared.kafka.aio_clients import AioKafkaClients
from tests.deadlines import until
from tests.integration.intake.harness import Intake, student
from tests.integration.intake.keys_of_another import connected

TOPIC = "rahnama.inbound"
KEEP = timedelta(hours=11)


class Retention:
    """The watch of another instance, with a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2025, 9, 23, tzinfo=UTC)
        self.watch: InboundRetention

    async def look_after(self, hours: float) -> None:
        """One look, so much later."""
        self.now += timedelta(hours=hours)
        await self.watch.look()


@asynccontextmanager
async def retention(intake: Intake) -> AsyncIterator[Retention]:
    made = Retention()
    async with connected(intake) as pool:
        kafka = AioKafkaClients(intake.topics.bootstrap)
        topic = intake.topics.name(TOPIC)
        made.watch = InboundRetention(pool, kafka, topic, lambda: made.now, KEEP)
        try:
            yield made
        finally:
            await made.watch.stop()


async def write(intake: Intake, partition: int, *ids: str) -> None:
    """Students, to one partition; returns when the last one is answered."""
    numbers = range(2000, 2000 + len(ids))
    await intake.write_inbound(
        *(json.dumps(student(number, name)).encode() for number, name in zip(numbers, ids, strict=True)),
        partition=partition,
    )
    await intake.answered(ids[-1])


async def offsets(intake: Intake, partition: int) -> range:
    """Of the records that stand in a partition of the topic."""
    look = TopicLook(AioKafkaClients(intake.topics.bootstrap))
    try:
        place = TopicPartition(intake.topics.name(TOPIC), partition)
        return range(*(await look.ends([place]))[place])
    finally:
        await look.close()


async def test_what_was_applied_goes_between_one_and_two_keeping_times_later(intake: Intake) -> None:
    async with retention(intake) as kept:
        await write(intake, 1, "r-1", "r-2")
        await kept.look_after(0)
        await write(intake, 1, "r-3")
        await kept.look_after(10.9)
        assert await offsets(intake, 1) == range(3)
        await kept.look_after(0.1)
        assert await offsets(intake, 1) == range(2, 3)
        await kept.look_after(11)
        assert await offsets(intake, 1) == range(3, 3)
        await kept.look_after(11)
        await write(intake, 1, "r-4")
        assert await offsets(intake, 1) == range(3, 4)
    positions = await intake.rows("select next_offset from inbound where partition = 1")
    assert [row["next_offset"] for row in positions] == [4]


async def test_of_a_topic_that_was_made_anew_nothing_is_deleted_unread(intake: Intake) -> None:
    """The position in the database is of the old topic; here intake has not noticed yet."""
    async with retention(intake) as kept:
        await write(intake, 2, "a-1", "a-2")
        await kept.look_after(0)
        await intake.rows("update inbound_marks set digest = sha256('another record')")
        await kept.look_after(11)
        assert await offsets(intake, 2) == range(2)
        await kept.look_after(11)
        assert await offsets(intake, 2) == range(2, 2)


async def test_a_retention_that_has_ended_is_not_ready(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_module, "LOOK_SECONDS", 0.0)
    async with retention(intake) as kept:
        ended = f"the retention of {intake.topics.name(TOPIC)} does not run"
        assert kept.watch.ready() == ended
        await kept.watch.start()
        assert kept.watch.ready() is None

        def no_clock() -> datetime:
            raise LookupError

        kept.watch._clock = no_clock
        await until(lambda: kept.watch.ready() is not None)
        assert kept.watch.ready() == ended
