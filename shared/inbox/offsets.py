"""Offsets in Kafka: where a consumer reads on, and the hints that it commits for its successor and for tools."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, OffsetAndMetadata, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

COMMIT_SECONDS: Final = 5.0
POSITION_SECONDS: Final = 0.1

_log = structlog.get_logger("rahnama.inbox")


async def commit_hints(consumer: AIOKafkaConsumer, hints: Mapping[TopicPartition, int]) -> None:
    """Commits the offset at which a successor may begin to read each partition; an error is logged."""
    offsets = {place: OffsetAndMetadata(offset, "") for place, offset in hints.items()}
    try:
        async with asyncio.timeout(COMMIT_SECONDS):
            await consumer.commit(offsets)
    except (KafkaError, IllegalStateError, TimeoutError) as error:
        _log.warning("offset_hint_not_committed", error=type(error).__name__)


async def position_of(consumer: AIOKafkaConsumer, place: TopicPartition) -> int | None:
    """Where the consumer reads on; None if it is not known at once."""
    try:
        async with asyncio.timeout(POSITION_SECONDS):
            position: int = await consumer.position(place)
            return position
    except (IllegalStateError, KafkaError, TimeoutError):
        return None
