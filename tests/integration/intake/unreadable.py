"""Records as other clients can write them, and aiokafka's producer cannot."""

import asyncio
import time

from aiokafka.record.util import calc_crc32c

from shared.kafka.closing_clients import Producer
from tests.servers import TopicSet

CRC_AT = 17
CHECKED_FROM = 21
PLACEHOLDER = "HEADERNAME"
NO_UTF8 = b"\xff\xfe\xc3\x28header"


async def write_header_name_that_is_no_utf8(topics: TopicSet, value: bytes, *, partition: int) -> int:
    """A record on `rahnama.inbound` with a header whose name is no UTF-8; returns its offset.

    librdkafka takes any bytes for it, and the broker does not look.
    """
    assert len(NO_UTF8) == len(PLACEHOLDER)
    producer = Producer(bootstrap_servers=topics.bootstrap)
    await producer.start()
    try:
        batch = producer.create_batch()
        batch.append(
            timestamp=int(time.time() * 1000), key=None, value=value, headers=[(PLACEHOLDER, b"content")]
        )
        built = bytearray(bytes(batch._build()).replace(PLACEHOLDER.encode(), NO_UTF8))
        built[CRC_AT:CHECKED_FROM] = calc_crc32c(bytes(built[CHECKED_FROM:])).to_bytes(4, "big")
        batch._buffer = built
        async with asyncio.timeout(10):
            sent = await producer.send_batch(batch, topics.name("rahnama.inbound"), partition=partition)
            return int((await sent).offset)
    finally:
        await producer.stop()
