"""A topic read through: whole batches come, and only what lies below the end that a look has seen counts."""

import asyncio

from shared.kafka.aio_clients import AioKafkaClients
from shared.relay.topic import Topic
from tests.integration.relay.harness import PARTITIONS, RelayHarness


async def test_reading_through_ends_below_the_end_that_was_seen(harness: RelayHarness) -> None:
    committed = await harness.append_before_start(10)
    await harness.produce([event.value for event in committed])
    topic = Topic(AioKafkaClients(harness.bootstrap), harness.topic, source="intake", partitions=PARTITIONS)
    try:
        await topic.start()
        extents = await topic.read()
        assert extents[0].last is not None
        assert (extents[0].end, extents[0].last.sequence) == (10, 10)
        until = asyncio.get_running_loop().time() + 5
        piece = await topic.read_through(0, 2, 5, until=until)
        records, reached = piece.records, piece.next_offset
        assert reached == 5
        assert [(record.offset, record.sequence) for record in records] == [(2, 3), (3, 4), (4, 5)]
        records = (await topic.read_through(0, 4, 10, until=until)).records
        assert [record.offset for record in records] == [4, 5, 6, 7, 8, 9]
    finally:
        await topic.close()
