"""What may happen to a topic: wiped, emptied, made anew."""

import asyncio
from typing import Any

from aiokafka.admin import NewTopic, RecordsToDelete
from aiokafka.structs import TopicPartition

from shared.kafka.closing_clients import Admin


async def make_anew(bootstrap: str, topic: str, partitions: int) -> None:
    """Deletes the topic and creates it again, empty."""
    admin = Admin(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic])
        async with asyncio.timeout(20):
            while True:
                answer: Any = await admin.create_topics([NewTopic(topic, partitions, 1)])
                if answer.topic_errors[0][1] == 0:
                    return
                await asyncio.sleep(0.05)  # the old one is not quite gone yet
    finally:
        await admin.close()


async def delete_before(bootstrap: str, topic: str, offset: int, *, partition: int = 0) -> None:
    """Deletes every record before `offset`."""
    admin = Admin(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()
