"""Topics are created when they are missing and never touched again."""

import asyncio
from typing import Any

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from infra.local.errors import TopicDiffersError
from infra.local.topics import TOPICS, ensure_topics
from shared.kafka.closing_clients import Admin
from tests.servers import MakesTopics


async def test_topics_are_created_only_when_they_are_missing(topics: MakesTopics) -> None:
    made = await topics(partitions=2)
    assert await ensure_topics(made.bootstrap, partitions=2, prefix=made.prefix) == []

    admin = Admin(bootstrap_servers=made.bootstrap)
    await admin.start()
    try:
        assert {made.name(topic) for topic in TOPICS} <= set(await admin.list_topics())
        await admin.delete_topics([made.name("rahnama.keys")])
        async with asyncio.timeout(10):
            while made.name("rahnama.keys") in await admin.list_topics():  # noqa: ASYNC110 (Kafka deletes later)
                await asyncio.sleep(0.05)
    finally:
        await admin.close()
    again = await ensure_topics(made.bootstrap, partitions=2, prefix=made.prefix)
    assert again == [made.name("rahnama.keys")]


async def test_another_number_of_partitions_is_an_error_that_names_the_topic(topics: MakesTopics) -> None:
    made = await topics(partitions=2)
    with pytest.raises(
        TopicDiffersError, match=r"rahnama\.\w+ has 2 partitions, but RAHNAMA_PARTITIONS is 4"
    ):
        await ensure_topics(made.bootstrap, partitions=4, prefix=made.prefix)


@pytest.mark.parametrize(
    ("topic", "policy", "retention"), [("rahnama.intake", "delete", "-1"), ("rahnama.keys", "compact", None)]
)
async def test_logs_are_kept_for_ever_and_keys_are_compacted(
    module_topics: MakesTopics, topic: str, policy: str, retention: str | None
) -> None:
    made = await module_topics(partitions=1)
    admin = Admin(bootstrap_servers=made.bootstrap)
    await admin.start()
    try:
        answers: list[Any] = await admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, made.name(topic))]
        )
    finally:
        await admin.close()
    settings = {entry[0]: entry[1] for entry in answers[0].resources[0][4]}
    assert settings["cleanup.policy"] == policy
    assert settings["max.message.bytes"] == str(2 * 1024 * 1024)
    if retention is not None:
        assert settings["retention.ms"] == retention
    if policy == "compact":  # what an erasure took back is gone within a day
        assert settings["max.compaction.lag.ms"] == str(24 * 60 * 60 * 1000)
