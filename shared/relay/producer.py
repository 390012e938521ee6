"""Sends batches to one topic. A batch is acknowledged whole or not at all, and the caller waits for it."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from shared.append.log import Appended

MAX_BATCH_BYTES: Final = 256 * 1024
MAX_RECORD_BYTES: Final = 2 * 1024 * 1024
REQUEST_SECONDS: Final = 5.0
SEND_SECONDS: Final = 10.0
METADATA_SECONDS: Final = 2.0
CLOSE_SECONDS: Final = 1.0
CONTENT_TYPE: Final = ("content-type", b"application/cloudevents+json; charset=UTF-8")


class BatchProducer:
    """An idempotent producer for one topic, thrown away after its first error."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._keys: dict[tuple[str, int], bytes] = {}
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connects. Raises what aiokafka raises, or `TimeoutError`."""
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_RECORD_BYTES,
            request_timeout_ms=int(REQUEST_SECONDS * 1000),
            metadata_max_age_ms=int(METADATA_SECONDS * 1000),
        )
        async with asyncio.timeout(SEND_SECONDS):
            await self._producer.start()

    def fill(self, partition: int, events: Sequence[Appended]) -> tuple[Any, int]:
        """A batch with as many of `events` as fit, and how many that are (at least one)."""
        assert self._producer is not None
        batch = self._producer.create_batch()
        append = batch.append
        now = int(time.time() * 1000)
        gender = partition % 2
        plain = [CONTENT_TYPE]
        count = 0
        for event in events:
            key = self._keys.get((event.tenant, gender)) or self._key(event.tenant, gender)
            trace = event.traceparent
            headers = [CONTENT_TYPE, ("traceparent", trace.encode())] if trace else plain
            if append(timestamp=now, key=key, value=event.value, headers=headers) is None:
                break
            count += 1
        batch.close()
        return batch, count

    async def send(self, partition: int, batch: Any) -> int:
        """The offset of the batch's first record, once all in-sync replicas have it."""
        assert self._producer is not None
        async with asyncio.timeout(SEND_SECONDS):
            delivered = await self._producer.send_batch(batch, self._topic, partition=partition)
            acknowledged = await delivered
        return int(acknowledged.offset)

    async def close(self) -> None:
        """Ends the producer at once: what was not acknowledged is not waited for.

        `AIOKafkaProducer.stop` flushes, and an idempotent one never gives a batch up: with Kafka gone it
        would wait for ever, or write the batch after its successor has gone on. So its sender is cancelled.
        """
        producer, self._producer = self._producer, None
        if producer is None:
            return
        sender = producer._sender.sender_task
        if sender is not None:
            sender.cancel()
            await asyncio.wait({sender}, timeout=CLOSE_SECONDS)
        await producer.client.close()
        if sender is not None and not sender.done():
            sender.cancel()  # it waits for an answer that can no longer come
            await asyncio.wait({sender}, timeout=CLOSE_SECONDS)
        producer._closed = True

    def _key(self, tenant: str, gender: int) -> bytes:
        key = self._keys[tenant, gender] = f"{tenant}/{gender}".encode()
        return key
