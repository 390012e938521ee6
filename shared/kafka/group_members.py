"""The members of a consumer group and their partitions, as the group's coordinator describes them.

A member is one of ours if its client id is the group's name: every instance joins with it. Other clients have a client
id of their own by default: `consumer-GROUP-1` (Java), `rdkafka`, `aiokafka-VERSION`, `console-consumer`. A client id is
no authentication: who copies ours is only noticed by the lag of the partitions that it takes.
"""

from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import for_code

SETTLED: Final = {"Stable", "Empty", "Dead"}
"""States in which the assignment is final; in the others the group is being rebalanced."""

_log = structlog.get_logger("rahnama.kafka")


@dataclass(frozen=True, slots=True)
class GroupMemberSeen:
    """`places` are empty if its assignment is not readable."""

    client_id: str
    client_host: str
    places: frozenset[TopicPartition]


async def describe_group(admin: AIOKafkaAdminClient, group: str) -> list[GroupMemberSeen] | None:
    """All members; None during a rebalance. Raises `KafkaError`."""
    [answer] = await admin.describe_consumer_groups([group])
    described: Any = answer
    [(code, _, state, _, _, members, *_)] = described.groups
    if code:
        raise for_code(code)
    if state not in SETTLED:
        return None
    return [
        GroupMemberSeen(client_id, host, _places(assignment)) for _, client_id, host, _, assignment in members
    ]


def _places(assignment: bytes) -> frozenset[TopicPartition]:
    try:
        return frozenset(ConsumerProtocolMemberAssignment.decode(assignment).partitions())
    except (
        Exception
    ) as error:  # a foreign member may have any bytes here, and aiokafka raises what its parser meets
        _log.warning("assignment_unreadable", error=type(error).__name__)
        return frozenset()
