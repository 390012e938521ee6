"""Every topic with its settings, created only when it is missing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from infra.local.errors import LocalError, TopicDiffersError
from infra.services import LOGS
from shared.kafka.closing_clients import Admin
from shared.kafka.durability import REPLICAS, durable_by_itself

DEFAULT_PARTITIONS = 12
_MAX_MESSAGE_BYTES = 2 * 1024 * 1024
_KEPT_FOREVER = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "max.message.bytes": str(_MAX_MESSAGE_BYTES),
}
_COMPACTED = {
    "cleanup.policy": "compact",
    "max.compaction.lag.ms": str(24 * 60 * 60 * 1000),
    "max.message.bytes": str(_MAX_MESSAGE_BYTES),
}
# Intake deletes what it has applied; what is deleted leaves the disk with its segment, so these are short.
_DELETED_BY_INTAKE = {**_KEPT_FOREVER, "segment.ms": str(60 * 60 * 1000)}

_SET_ON_THE_TOPIC = 1  # DYNAMIC_TOPIC_CONFIG, as Kafka describes where a setting is from

INBOUND = "rahnama.inbound"
TOPICS = {
    INBOUND: _DELETED_BY_INTAKE,
    **{f"rahnama.{name}": _KEPT_FOREVER for name in LOGS},
    "rahnama.rejections": _KEPT_FOREVER,
    "rahnama.keys": _COMPACTED,
}


async def ensure_topics(
    bootstrap: str, *, partitions: int = DEFAULT_PARTITIONS, prefix: str = ""
) -> list[str]:
    """Create what is missing; returns the names created. An existing topic with another count is an error.

    An inbound topic of an earlier release gets the setting that makes its acknowledgements durable.
    """
    async with _admin(bootstrap) as admin:
        existing = await _partition_counts(admin, [prefix + name for name in TOPICS])
        for name, count in existing.items():
            if count != partitions:
                raise TopicDiffersError(
                    f"Topic {name} has {count} partitions, but RAHNAMA_PARTITIONS is {partitions}. "
                    "The count is chosen once, when a system is created; set it back, or begin anew (make reset)."
                )
        replicas = min(REPLICAS, len((await admin.describe_cluster())["brokers"]))
        missing = {
            prefix + name: NewTopic(
                prefix + name, partitions, replicas, topic_configs=settings_of(name, replicas)
            )
            for name in TOPICS
            if prefix + name not in existing
        }
        if missing:
            await _create(admin, missing)
        if prefix + INBOUND in existing:
            await _make_durable(admin, prefix + INBOUND)
        return list(missing)


def settings_of(topic: str, replicas: int) -> dict[str, str]:
    """What a topic is created with. `topic` has no prefix."""
    return {**TOPICS[topic], **(durable_by_itself(replicas) if topic == INBOUND else {})}


async def delete_topics(bootstrap: str, prefix: str) -> None:
    """Delete the topics of one prefix, which must not be empty: those hold a system's data."""
    if not prefix:
        raise ValueError("topics are deleted by their prefix only")
    async with _admin(bootstrap) as admin:
        names = [name for name in await admin.list_topics() if name.startswith(prefix)]
        if names:
            await admin.delete_topics(names, timeout_ms=10_000)


async def _create(admin: AIOKafkaAdminClient, missing: dict[str, NewTopic]) -> None:
    answer: Any = await admin.create_topics(list(missing.values()), timeout_ms=20_000)
    for name, code, *message in answer.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:  # another process made it at this moment
            raise LocalError(
                f"Kafka did not create topic {name}: {message[0] if message else for_code(code)}"
            )
    async with asyncio.timeout(20):
        # Kafka answers before the partitions are led; a client that came now would only see errors.
        while len(await _partition_counts(admin, list(missing), with_leader=True)) < len(missing):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _make_durable(admin: AIOKafkaAdminClient, name: str) -> None:
    """Adds what is missing, and keeps every other setting: Kafka's request replaces them all."""
    [topic] = await admin.describe_topics([name])
    replicas = min((len(partition["replicas"]) for partition in topic["partitions"]), default=1)
    answers: list[Any] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    rows = answers[0].resources[0][4]
    now = {row[0]: row[1] for row in rows}
    wanted = durable_by_itself(replicas)
    if wanted.items() <= now.items():
        return
    kept = {row[0]: row[1] for row in rows if row[3] == _SET_ON_THE_TOPIC}
    altered: list[Any] = await admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name, configs={**kept, **wanted})]
    )
    for answer in altered:
        for code, message, *_ in answer.resources:
            if code:
                raise LocalError(f"Kafka did not change topic {name}: {message or for_code(code)}")


async def _partition_counts(
    admin: AIOKafkaAdminClient, names: list[str], *, with_leader: bool = False
) -> dict[str, int]:
    """Of the named topics those that exist (and, if asked, whose partitions all have a leader)."""
    present = set(await admin.list_topics()) & set(names)
    if not present:
        return {}
    counts = {}
    for topic in await admin.describe_topics(sorted(present)):
        if topic["error_code"] == 0:
            led = all(partition["leader"] >= 0 for partition in topic["partitions"])
            if led or not with_leader:
                counts[topic["topic"]] = len(topic["partitions"])
    return counts


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = Admin(bootstrap_servers=bootstrap, request_timeout_ms=20_000)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()
