"""A transactional client: its markers take offsets in a partition, and hold no record."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from shared.kafka.closing_clients import Producer


@asynccontextmanager
async def transaction(
    bootstrap: str, topic: str, values: Sequence[bytes], *, partition: int = 0
) -> AsyncIterator[Producer]:
    """Values that were sent in a transaction, which is open until the body commits or aborts it."""
    producer = Producer(bootstrap_servers=bootstrap, transactional_id=f"{topic}-{partition}")
    await producer.start()
    try:
        await producer.begin_transaction()
        for value in values:
            await producer.send_and_wait(topic, value, partition=partition)
        yield producer
    finally:
        await producer.stop()


async def write_committed(bootstrap: str, topic: str, values: Sequence[bytes], *, partition: int = 0) -> None:
    """Each value in a transaction of its own."""
    for value in values:
        async with transaction(bootstrap, topic, [value], partition=partition) as producer:
            await producer.commit_transaction()
