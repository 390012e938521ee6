"""Topics are created when they are missing and never touched again."""

import asyncio
from typing import Any

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from infra.local.errors import TopicDiffersError
from infra.local.topics import INBOUND, TOPICS, ensure_topics, settings_of
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


async def described(bootstrap: str, topic: str) -> dict[str, str]:
    """A topic's settings, as the broker has them."""
    admin = Admin(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        answers: list[Any] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    return {entry[0]: entry[1] for entry in answers[0].resources[0][4]}


async def test_on_one_broker_only_inbound_is_flushed_before_it_is_acknowledged(
    module_topics: MakesTopics,
) -> None:
    made = await module_topics(partitions=1)
    flushed = {
        name for name in TOPICS if (await described(made.bootstrap, made.name(name)))["flush.messages"] == "1"
    }
    assert flushed == {INBOUND}


async def test_an_inbound_topic_of_an_earlier_release_is_made_durable_and_keeps_its_settings(
    topics: MakesTopics,
) -> None:
    made = await topics(partitions=1)
    name = made.name(INBOUND)
    admin = Admin(bootstrap_servers=made.bootstrap)
    await admin.start()
    try:  # as it was created before, and then changed by an operator
        await admin.alter_configs(
            [
                ConfigResource(
                    ConfigResourceType.TOPIC, name, configs={**TOPICS[INBOUND], "segment.bytes": "1048576"}
                )
            ]
        )
    finally:
        await admin.close()
    async with asyncio.timeout(10):  # the controller answers before its broker knows
        while (await described(made.bootstrap, name))["flush.messages"] == "1":  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.05)
    assert await ensure_topics(made.bootstrap, partitions=1, prefix=made.prefix) == []
    async with asyncio.timeout(10):
        while (after := await described(made.bootstrap, name))["flush.messages"] != "1":  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.05)
    assert after["segment.bytes"] == "1048576"
    assert {key: after[key] for key in TOPICS[INBOUND]} == TOPICS[INBOUND]


@pytest.mark.parametrize("replicas", [1, 2])
def test_fewer_than_three_replicas_of_inbound_flush(replicas: int) -> None:
    assert settings_of(INBOUND, replicas) == {**TOPICS[INBOUND], "flush.messages": "1"}


def test_three_replicas_of_inbound_need_two_in_sync_and_no_flush() -> None:
    assert settings_of(INBOUND, 3) == {**TOPICS[INBOUND], "min.insync.replicas": "2"}
    assert settings_of("rahnama.intake", 3) == TOPICS["rahnama.intake"]
