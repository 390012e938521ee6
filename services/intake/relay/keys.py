"""`rahnama.keys`: before a subject's first fact leaves, its key record is safe in Kafka.

A restored database then knows everyone again. What a record is, says `key_record.py`.
A record stands where its subject's first fact does, and of a student who moved also in the other pool's partition, so
that its tombstone goes to both. As their relays do not wait for each other, and a leader that was stopped may send what
it read long ago, whoever has sent records looks afterwards whether one of them was erased meanwhile.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from services.intake.crypto.key_record import FreshKeys, SubjectKey, record_digest, record_key, seal_record
from services.intake.crypto.sealing import Keyring
from services.intake.decide.messages import FACTS
from services.intake.relay.records import Record, RecordProducer
from shared.append.log import Appended
from shared.contracts.facts import FACT_NAMES, StudentErased, StudentRegistered
from shared.contracts.partitions import pool_partition
from shared.kafka.clients import KafkaClients
from shared.kafka.topics import REQUEST_MILLISECONDS, create_topic
from shared.postgres import Pool, named_queries
from shared.project.columns import columns
from shared.relay.producer import MAX_RECORD_BYTES

QUERIES: Final = named_queries("services.intake.relay")
COMPACTED: Final = {
    "cleanup.policy": "compact",
    "max.compaction.lag.ms": str(24 * 60 * 60 * 1000),
    "max.message.bytes": str(MAX_RECORD_BYTES),
}
"""Without a greatest lag Kafka may keep for weeks what a tombstone has taken back."""
MOST_BURIED: Final = 10_000
FIRST_VERSION: Final = 1
ERASED: Final = FACT_NAMES[StudentErased]
REGISTERED: Final = FACT_NAMES[StudentRegistered]
GENDERS: Final = (0, 1)
SEALED_TYPES: Final = frozenset(FACT_NAMES[fact] for fact, kind in FACTS.items() if kind.personal is not None)

Subject = tuple[str, str]
"""Tenant and subject."""


class Anchor(NamedTuple):
    """A record by which a partition of the topic is known again: where it stands, and its digest."""

    offset: int
    digest: bytes


class KeyRecords:
    """Sends the records of subjects that appear for the first time. One producer, made anew after an error."""

    def __init__(
        self,
        pool: Pool,
        keyring: Keyring,
        fresh: FreshKeys,
        *,
        kafka: KafkaClients,
        topic: str,
        partitions: int,
    ) -> None:
        self._pool = pool
        self._keyring = keyring
        self._fresh = fresh
        self._kafka = kafka
        self._topic = topic
        self._partitions = partitions
        self._producer: RecordProducer | None = None
        self._starting = asyncio.Lock()
        self.first_sent: dict[int, Anchor] = {}
        self._sent_through: dict[int, int] = {}
        self.buried: deque[tuple[float, Sequence[Subject]]] = deque(maxlen=MOST_BURIED)

    async def publish(self, partition: int, events: Sequence[Appended]) -> None:
        """Returns when Kafka has acknowledged what must be there before `events`: the tombstones of those erased in it,
        the records of all subjects whose first fact is in it, and again the records of students who moved here, for
        the partition with their first fact may be behind.
        """
        wanted = [
            (event.tenant, event.subject)
            for event in events
            if event.version == FIRST_VERSION and event.type in SEALED_TYPES
        ]
        wanted += await self._moved(partition, events)
        erased = [(event.tenant, event.subject) for event in events if event.type == ERASED]
        through = self._sent_through.get(partition, 0)
        is_all = events[0].sequence <= through + 1
        if wanted or erased:
            async with self._thrown_away_by_an_error():
                if wanted:
                    erased += await self._publish_keys(partition, wanted, is_first=is_all)
                if erased:
                    await self._bury(erased)
        if is_all:
            self._sent_through[partition] = max(through, events[-1].sequence)

    async def send_again(self, partition: int, subjects: Sequence[Subject]) -> Anchor | None:
        """Sends the records of `subjects` to a topic that has lost them; the one by which it is known again, if any."""
        self.first_sent.pop(partition, None)
        async with self._thrown_away_by_an_error():
            if erased := await self._publish_keys(partition, subjects, is_first=True):
                await self._bury(erased)
        return self.first_sent.get(partition)

    async def bury(self, erased: Sequence[Subject]) -> None:
        """Sends the tombstones of `erased` to a topic that may have lost them."""
        async with self._thrown_away_by_an_error():
            await self._bury(erased)

    async def require_topic(self) -> None:
        """Facts wait for this topic, so it is made again when it was lost, like their own."""
        admin = await self._kafka.admin(request_timeout_ms=REQUEST_MILLISECONDS)
        try:
            if self._topic not in await admin.list_topics():
                await create_topic(admin, self._topic, self._partitions, COMPACTED)
        finally:
            await admin.close()

    async def start(self) -> None:
        """Connects to nothing yet."""

    async def stop(self) -> None:
        """Closes the producer; a later `publish` opens another."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close()

    @asynccontextmanager
    async def _thrown_away_by_an_error(self) -> AsyncIterator[None]:
        try:
            yield
        except BaseException:
            await self.stop()
            raise

    async def _publish_keys(
        self, partition: int, wanted: Sequence[Subject], *, is_first: bool
    ) -> list[Subject]:
        """Sends the records of `wanted`; who of them is erased, so that they must be taken back.

        `is_first` says that this process has sent all records of the partition before them: by the first it sent
        the partition is known. Another leader's may have been lost before there was an anchor.
        Also of those who have no key any more: a leader that died before it looked may have sent what it had read.
        """
        keys = await self._keys(wanted)
        if keys:
            producer = await self._started()
            records: list[Record] = [seal_record(self._keyring, key) for key in keys]
            offset = await producer.send_all(partition, records)
            if is_first and offset >= 0 and partition not in self.first_sent:
                self.first_sent[partition] = Anchor(offset, record_digest(*records[0]))
        rows = await self._pool.fetch(QUERIES["erased_subjects"], *columns(wanted))
        return [(row["tenant"], row["subject"]) for row in rows]

    async def _bury(self, erased: Sequence[Subject]) -> None:
        """Tombstones, in both partitions of each subject's tenant."""
        graves: dict[int, list[Record]] = {}
        for tenant, subject in erased:
            index = record_key(self._keyring, tenant, subject)
            for gender in GENDERS:
                graves.setdefault(pool_partition(tenant, gender, self._partitions), []).append((index, None))
        producer = await self._started()
        for partition, records in sorted(graves.items()):
            await producer.send_all(partition, records)
        self.buried.append((asyncio.get_running_loop().time(), erased))

    async def _moved(self, partition: int, events: Sequence[Appended]) -> list[Subject]:
        """Students who came from the other pool."""
        changed = [
            (event.tenant, event.subject, event.version)
            for event in events
            if event.version != FIRST_VERSION and event.type == REGISTERED
        ]
        if not changed:
            return []
        rows = await self._pool.fetch(QUERIES["subjects_from_elsewhere"], *columns(changed), partition)
        return [(row["tenant"], row["subject"]) for row in rows]

    async def _keys(self, wanted: Sequence[Subject]) -> list[SubjectKey]:
        found: list[SubjectKey] = []
        missing: list[Subject] = []
        for tenant, subject in wanted:
            key = self._fresh.take(tenant, subject)
            if key is None:
                missing.append((tenant, subject))
            else:
                found.append(key)
        if missing:
            rows = await self._pool.fetch(QUERIES["subject_keys"], *columns(missing))
            found += [SubjectKey(*row) for row in rows]
        return found

    async def _started(self) -> RecordProducer:
        async with self._starting:
            if self._producer is None:
                await self.require_topic()
                producer = RecordProducer(self._kafka, self._topic)
                await producer.start()
                self._producer = producer
            return self._producer
