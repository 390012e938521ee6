"""Sends batches to one topic, and accounts for their offsets.

A batch is acknowledged whole or not at all, and the caller waits for it.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed

from shared.append.log import Appended
from shared.kafka.clients import KafkaClients

MOST_RANGES: Final = 256
"""Acknowledged ranges beyond a gap. A range that is dropped is read, which costs time and changes no result."""


class Account:
    """Which offsets of a partition are accounted for. Every one below `reached` is; None: no look has found the end yet.

    The leader knows the offset of each batch that was acknowledged to it. An offset below the topic's end that no
    acknowledgement covers was written by somebody else, or by a batch whose acknowledgement was lost: it has to be read.
    """

    def __init__(self) -> None:
        self.reached: int | None = None
        self.sending = False
        """Whether a batch is in flight: the next unknown offsets may be its own."""
        self._beyond: list[tuple[int, int]] = []

    def forget(self) -> None:
        """Others may have led the partition: their records are the read-through's to compare."""
        self.reached = None
        self._beyond.clear()

    def look(self, begin: int, end: int) -> None:
        """The partition holds the offsets `begin` <= o < `end`. Fewer than before: it was made again, or lost its end."""
        if self.reached is None or self.reached > end:
            self.reached = end
            self._beyond.clear()
        self.compared(begin)

    def acknowledged(self, first: int, count: int) -> None:
        """A batch of `count` records was written from offset `first` on."""
        if self.reached is None:
            return
        if first <= self.reached:
            self.compared(first + count)
        elif self._beyond and self._beyond[-1][1] == first:
            self._beyond[-1] = (self._beyond[-1][0], first + count)
        else:
            self._beyond.append((first, first + count))
            del self._beyond[:-MOST_RANGES]

    def compared(self, end: int) -> None:
        """Every record below `end` is accounted for."""
        if self.reached is None:
            return
        self.reached = max(self.reached, end)
        while self._beyond and self._beyond[0][0] <= self.reached:
            self.reached = max(self.reached, self._beyond.pop(0)[1])

    def unknown(self, end: int) -> tuple[int, int] | None:
        """The first range of offsets below the topic's `end` that nothing accounts for."""
        if self.reached is None or self.reached >= end:
            return None
        return self.reached, min(end, self._beyond[0][0]) if self._beyond else end


MAX_BATCH_BYTES: Final = 256 * 1024
MAX_RECORD_BYTES: Final = 2 * 1024 * 1024
REQUEST_MILLISECONDS: Final = 5_000
SEND_SECONDS: Final = 10.0
METADATA_MILLISECONDS: Final = 2_000
CONTENT_TYPE: Final = ("content-type", b"application/cloudevents+json; charset=UTF-8")


class BatchProducer:
    """An idempotent producer for one topic, thrown away after its first error."""

    def __init__(self, kafka: KafkaClients, topic: str) -> None:
        self.topic = topic
        self._kafka = kafka
        self._keys: dict[tuple[str, int], bytes] = {}
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connects. Raises what aiokafka raises, or `TimeoutError`."""
        async with asyncio.timeout(SEND_SECONDS):
            self._producer = await self._kafka.producer(
                acks="all",
                enable_idempotence=True,
                linger_ms=0,
                max_batch_size=MAX_BATCH_BYTES,
                max_request_size=MAX_RECORD_BYTES,
                request_timeout_ms=REQUEST_MILLISECONDS,
                metadata_max_age_ms=METADATA_MILLISECONDS,
            )

    def fill(self, partition: int, events: Sequence[Appended]) -> tuple[Any, int]:
        """A batch with as many of `events` as fit, and how many that are (at least one)."""
        batch = self._opened().create_batch()
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
        producer = self._opened()
        async with asyncio.timeout(SEND_SECONDS):
            delivered = await producer.send_batch(batch, self.topic, partition=partition)
            acknowledged = await delivered
        return int(acknowledged.offset)

    async def close(self) -> None:
        """Ends the producer at once: what was not acknowledged is not waited for."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    def _opened(self) -> AIOKafkaProducer:
        """Raises `ProducerClosed`: somebody else who uses the same producer has closed it after an error."""
        if self._producer is None:
            raise ProducerClosed
        return self._producer

    def _key(self, tenant: str, gender: int) -> bytes:
        key = self._keys[tenant, gender] = f"{tenant}/{gender}".encode()
        return key
