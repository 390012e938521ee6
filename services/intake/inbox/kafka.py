"""`rahnama.inbound`, where upstream writes: read in one consumer group, applied once.

The writer is `apply(slices)`: ONE transaction for all slices, that calls `move_inbound(connection, slices)` before
its effects and commits. When it returns, the slices are applied; the inbox moves its own positions. It must give a
result to every record: a bad one becomes a rejection and never raises. A `StalePosition` from `move_inbound`, a lost
connection or another fault that passes are let through: the inbox loads the positions again and tries again, first
all slices, then one by one.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient

from services.intake.append.inbound import InboundSlice
from services.intake.inbox.inbound_policy import InboundPolicy
from shared.inbox.garbage import GarbagePacer
from shared.inbox.group import GroupMember
from shared.kafka.clients import KafkaClients
from shared.kafka.durability import REPLICAS, durable_by_itself
from shared.kafka.polling import Polling
from shared.kafka.topics import create_topic
from shared.postgres import Pool
from shared.relay.topic import SETTINGS

TOPIC_SETTINGS: Final = {**SETTINGS, "segment.ms": str(60 * 60 * 1000)}
"""Those with which `infra.local.topics` creates it, beside `durable_by_itself`."""


class InboundInbox(GroupMember[InboundSlice]):
    """Reads `topic` and hands its records to the writer. Of transactions only what was committed is read.

    With `partitions` a topic that is missing is created again; its partitions are as many as at the first start.
    """

    def __init__(
        self,
        kafka: KafkaClients,
        group: str,
        topic: str,
        apply: Callable[[Sequence[InboundSlice]], Awaitable[None]],
        pool: Pool,
        *,
        polling: Polling | None = None,
        look_seconds: float = 5.0,
        pacer: GarbagePacer | None = None,
        partitions: int | None = None,
    ) -> None:
        super().__init__(
            kafka,
            group,
            [topic],
            InboundPolicy(pool, apply, look_seconds=look_seconds),
            polling=replace(polling or Polling(), read_committed=True),
            watch_seconds=look_seconds / 5,
            pacer=pacer,
            recreate=None if partitions is None else partial(_recreate, partitions),
        )


async def _recreate(partitions: int, admin: AIOKafkaAdminClient, topic: str) -> bool:
    replicas = min(REPLICAS, len((await admin.describe_cluster())["brokers"]))
    return await create_topic(admin, topic, partitions, {**TOPIC_SETTINGS, **durable_by_itself(replicas)})
