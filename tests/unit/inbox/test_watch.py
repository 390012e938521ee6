"""When a consumer that gives no records counts as broken."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from shared.inbox.assigned_partition import AssignedPartition
from shared.inbox.watch import DEAF_AFTER, TopicWatch


@pytest.mark.parametrize(
    ("newest", "unread", "silent_looks", "stalled"),
    [
        (12, True, DEAF_AFTER + 1, True),
        (12, True, DEAF_AFTER - 1, False),
        (12, False, DEAF_AFTER + 1, False),  # what remains are markers of transactions
        (11, True, DEAF_AFTER + 1, False),
    ],
)
async def test_a_consumer_is_broken_if_it_stays_before_the_end_for_long(
    newest: int, unread: bool, silent_looks: int, stalled: bool
) -> None:
    partition_consumer: Any = SimpleNamespace(newest=newest, applied=11)
    heard = asyncio.get_running_loop().time() - silent_looks
    assigned: Any = AssignedPartition(
        TopicPartition("rahnama.inbound", 0),
        "inbound",
        consumer=partition_consumer,
        heard=heard,
        unread=unread,
    )
    nobody: Any = None
    partitions: Any = [assigned]
    watch = TopicWatch[Any](nobody, partitions, nobody, asyncio.Lock(), set, watch_seconds=1.0)
    assert watch.stalled() == stalled
