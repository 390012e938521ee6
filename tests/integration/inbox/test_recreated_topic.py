"""Two instances that miss a topic at once: one creates it, and one alone counts and reports that."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from structlog.testing import capture_logs

from shared.inbox.group_watch import GroupWatch
from shared.inbox.metrics import RECREATED
from shared.kafka.aio_clients import AioKafkaClients
from shared.kafka.topics import create_topic
from tests.deadlines import expected_within
from tests.servers import MakesTopics


async def recreate(admin: AIOKafkaAdminClient, topic: str) -> bool:
    return await create_topic(admin, topic, 1, {})


async def test_only_the_instance_that_created_a_missing_topic_reports_it(
    topics: MakesTopics, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await topics()
    topic, kafka = made.name("rahnama.missing"), AioKafkaClients(made.bootstrap)
    counted: list[float] = []
    monkeypatch.setattr(RECREATED, "add", lambda amount, _: counted.append(amount))
    admin = await kafka.admin()
    try:
        with capture_logs() as logs:
            for _ in range(2):
                watch = GroupWatch(kafka, "rahnama.intake", [topic], lambda _: "inbound", recreate)
                await watch._see_missing(admin, frozenset({topic}))
        async with expected_within(20, "the creation of the topic"):
            while topic not in await admin.list_topics():  # noqa: ASYNC110  # Kafka tells nobody when it is done
                await asyncio.sleep(0.05)
    finally:
        await admin.close()
    assert [line["event"] for line in logs].count("topic_recreated") == 1
    assert counted == [1]
