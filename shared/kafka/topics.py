"""Topics: creating one that is missing."""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from shared.kafka.durability import REPLICAS

REQUEST_MILLISECONDS: Final = 5_000

logger = structlog.get_logger()


async def create_topic(
    admin: AIOKafkaAdminClient, name: str, partitions: int, settings: Mapping[str, str]
) -> bool:
    """Creates a topic that is missing, with as many replicas as there are brokers, at most three.

    False: it exists; another instance was first, or the metadata was stale.
    """
    brokers = len((await admin.describe_cluster())["brokers"])
    wanted = NewTopic(
        name,
        num_partitions=partitions,
        replication_factor=min(REPLICAS, brokers),
        topic_configs=dict(settings),
    )
    answer: Any = await admin.create_topics([wanted], timeout_ms=REQUEST_MILLISECONDS)
    [(_, code, *message)] = answer.topic_errors
    if not code:
        logger.warning("relay_topic_created", topic=name, partitions=partitions)
        return True
    if for_code(code) is TopicAlreadyExistsError:  # another instance was first, or it still goes
        return False
    raise for_code(code)(message[0] if message else name)
