"""Applied records of `rahnama.inbound`, plain personal data, do not stay; what was not applied is never deleted.

Each partition has a mark: how far it was applied at some time, by its offset and the digest of the record before it.
When the mark is old enough, what is below it is deleted and the next mark is set. So a record goes between one and two
such times after it was applied, by this database's own clock and commits: the times that records carry are upstream's.
A topic that was made anew holds another record at the mark, or none, and nothing of it is deleted.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import structlog
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import KafkaError

from services.intake.append.inbound import InboundPosition, load_all_inbound
from services.intake.inbox.inbound_policy import digest_of
from shared.append.clock import Clock
from shared.inbox.topic_look import TopicLook
from shared.kafka.clients import KafkaClients
from shared.postgres import TRANSIENT_ERRORS, Pool, named_queries
from shared.runtime.tasks import Background

QUERIES: Final = named_queries("services.intake.inbox", "retention.sql")
LOOK_SECONDS: Final = 600.0
REQUEST_MILLISECONDS: Final = 5_000
DELETE_SECONDS: Final = 10.0

_log = structlog.get_logger("rahnama.intake")


class InboundRetention:
    """Looks every ten minutes; a record is deleted between `keep` and 2 · `keep` after it was applied."""

    def __init__(self, pool: Pool, kafka: KafkaClients, topic: str, clock: Clock, keep: timedelta) -> None:
        self._pool = pool
        self._kafka = kafka
        self._topic = topic
        self._clock = clock
        self._keep = keep
        self._look = TopicLook(kafka)
        self._background = Background()

    async def start(self) -> None:
        """Begins; the first look is ten minutes away."""
        self._background.start(self._watch())

    async def stop(self) -> None:
        """Ends; what is due is deleted after the next start."""
        await self._background.end()
        await self._look.close()

    def ready(self) -> str | None:
        """None, or why nothing is deleted any more."""
        return None if self._background.runs else f"the retention of {self._topic} does not run"

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except (KafkaError, asyncpg.PostgresError, *TRANSIENT_ERRORS) as error:
                _log.warning("inbound_not_looked_at", error=type(error).__name__)

    async def look(self) -> None:
        """Deletes what is due. Raises what the clients of Kafka and Postgres raise; then the marks stand."""
        now = self._clock()
        rows = await self._pool.fetch(QUERIES["marks"])
        marked = {row["partition"]: row["marked_at"] for row in rows}
        due = {
            row["partition"]: InboundPosition(row["next_offset"], row["digest"])
            for row in rows
            if row["marked_at"] <= now - self._keep
        }
        settled = await self._delete(due)
        async with self._pool.acquire() as connection:
            positions = await load_all_inbound(connection)
        for partition, position in positions.items():
            if position.next_offset and (partition not in marked or partition in settled):
                await self._mark(partition, position, now)

    async def _delete(self, due: Mapping[int, InboundPosition]) -> set[int]:
        """Deletes the records below each position, if they are those that were applied.

        Returns the partitions of which nothing is left to be deleted there; of others Kafka did not tell enough.
        """
        places = {TopicPartition(self._topic, partition): position for partition, position in due.items()}
        ends = await self._look.ends(places) if places else {}
        there = {
            place: places[place].next_offset - 1
            for place, (begin, end) in ends.items()
            if begin < places[place].next_offset <= end
        }
        found = await self._look.read(there)
        applied = [place for place, record in found.items() if digest_of(record) == places[place].digest]
        if applied:
            await self._delete_records({place: places[place].next_offset for place in applied})
        return {place.partition for place in ends if place not in there or place in found}

    async def _delete_records(self, ends: Mapping[TopicPartition, int]) -> None:
        async with asyncio.timeout(DELETE_SECONDS):
            admin = await self._kafka.admin(request_timeout_ms=REQUEST_MILLISECONDS)
            try:
                await admin.delete_records({place: RecordsToDelete(end) for place, end in ends.items()})
            finally:
                await admin.close()
        _log.info("inbound_deleted", partitions=sorted(place.partition for place in ends))

    async def _mark(self, partition: int, position: InboundPosition, now: datetime) -> None:
        await self._pool.execute(QUERIES["put_mark"], partition, position.next_offset, position.digest, now)
