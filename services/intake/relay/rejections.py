"""`rahnama.rejections`: what was refused, with its codes and pointers, never with its content.

At least once: a rejection is marked after Kafka has acknowledged its event, and a repeated event has the same id.
"""

import asyncio
from typing import Any, Final

import asyncpg
import msgspec
import structlog
from aiokafka.errors import KafkaError

from services.intake.relay.records import RecordProducer
from shared.contracts.envelope import rfc3339
from shared.contracts.partitions import pool_partition
from shared.contracts.rejections import EventRejected, Fault, InboundPlace, RejectionEvent
from shared.kafka.clients import KafkaClients
from shared.postgres import TRANSIENT_ERRORS, Pool, named_queries
from shared.relay.producer import CONTENT_TYPE
from shared.runtime.tasks import Background

QUERIES: Final = named_queries("services.intake.relay")
BATCH: Final = 500
POLL_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 2.0
WITHOUT_GENDER: Final = 0

_log = structlog.get_logger("rahnama.intake")
_faults: Final = msgspec.json.Decoder(list[Fault])


class RejectionRecords:
    """Publishes rejections in the background, in the order in which they came."""

    def __init__(self, pool: Pool, *, kafka: KafkaClients, topic: str, partitions: int) -> None:
        self._pool = pool
        self._kafka = kafka
        self._topic = topic
        self._partitions = partitions
        self._producer: RecordProducer | None = None
        self._background = Background()

    async def start(self) -> None:
        """Begins; Kafka may come later."""
        self._background.start(self._publish_for_ever())

    async def stop(self) -> None:
        """Ends; what was not told of is told of after the next start."""
        await self._background.end()
        await self._forget_producer()

    def ready(self) -> str | None:
        """None, or why nothing is told of any more."""
        return None if self._background.runs else "the publisher of rejections has ended"

    async def _publish_for_ever(self) -> None:
        while True:
            try:
                told = await self._publish_next()
            except (KafkaError, asyncpg.PostgresError, *TRANSIENT_ERRORS) as error:
                _log.warning("rejections_not_published", error=type(error).__name__)
                await self._forget_producer()
                await asyncio.sleep(RETRY_SECONDS)
            else:
                if told < BATCH:
                    await asyncio.sleep(POLL_SECONDS)

    async def _publish_next(self) -> int:
        rows = await self._pool.fetch(QUERIES["unpublished_rejections"], BATCH)
        if not rows:
            return 0
        records: dict[int, list[tuple[bytes, bytes]]] = {}
        for row in rows:
            tenant = row["tenant"]
            partition = pool_partition(tenant, WITHOUT_GENDER, self._partitions)
            key = f"{tenant}/{WITHOUT_GENDER}".encode()
            records.setdefault(partition, []).append((key, rejection_event(row)))
        producer = await self._started()
        for partition, batch in records.items():
            await producer.send_all(partition, batch, [CONTENT_TYPE])
        await self._pool.execute(QUERIES["rejections_published"], [row["rejection_id"] for row in rows])
        return len(rows)

    async def _started(self) -> RecordProducer:
        if self._producer is None:
            producer = RecordProducer(self._kafka, self._topic)
            await producer.start()
            self._producer = producer
        return self._producer

    async def _forget_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close()


def rejection_event(row: Any) -> bytes:
    """The event of a rejection's row."""
    place = None
    if row["inbound_partition"] is not None:
        place = InboundPlace(row["inbound_partition"], row["inbound_offset"])
    event = RejectionEvent(
        id=row["rejection_id"],
        time=rfc3339(row["received_at"]),
        tenant=row["tenant"],
        causationid=row["causation_id"],
        data=EventRejected(
            rejection_id=row["rejection_id"],
            door=row["door"],
            inbound=place,
            type=row["type"],
            errors=_faults.decode(row["errors"]),
            centers=row["centers"] or msgspec.UNSET,
        ),
    )
    return msgspec.json.encode(event)
