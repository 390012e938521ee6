"""A log in a database of its own, a topic of its own, and ways to look at and spoil both."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.local.databases import ServiceDatabase
from shared.append.log import Appended, Draft, Log
from shared.contracts.envelope import decode
from shared.kafka.aio_clients import AioKafkaClients
from shared.kafka.closing_clients import Admin, Consumer, Producer
from shared.postgres import Pool, connector, migrate, open_pool
from shared.relay.partition_relay import BeforePublish
from shared.relay.relay import Relay
from tests.deadlines import until

PARTITIONS = 2
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def draft(partition: int, number: int, *, traceparent: str | None = TRACEPARENT) -> Draft:
    """A small event."""
    return Draft(
        partition=partition,
        type="rahnama.test.happened.v1",
        tenant="default",
        subject=f"thing/{number}",
        version=None,
        causation_id="0" * 32,
        data=b'{"number":%d,"text":"\xd8\xb1\xd8\xa7\xd9\x87\xd9\x86\xd9\x85\xd8\xa7"}' % number,
        traceparent=traceparent,
    )


@dataclass
class RelayHarness:
    """One system under test: `log` with `pool`, and the topic it belongs to."""

    database: ServiceDatabase
    pool: Pool
    log: Log
    bootstrap: str
    topic: str

    def relay(
        self,
        log: Log | None = None,
        *,
        before_publish: BeforePublish | None = None,
        look_seconds: float = 0.3,
    ) -> Relay:
        """A relay in a hurry: beats and looks often."""
        return Relay(
            log or self.log,
            self.pool,
            connector(self.database.dsn),
            AioKafkaClients(self.bootstrap),
            PARTITIONS,
            before_publish,
            heartbeat_seconds=0.2,
            idle_seconds=2.0,
            look_seconds=look_seconds,
        )

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[Relay]:
        """A started relay, stopped at the end."""
        relay = self.relay(**options)
        await relay.start()
        try:
            yield relay
        finally:
            await relay.stop()

    async def append(self, count: int, *, partition: int = 0, relay: Relay | None = None) -> list[Appended]:
        """Commits `count` events and offers them to `relay`."""
        async with self.pool.acquire() as connection, connection.transaction():
            drafts = [draft(partition, number) for number in range(count)]
            appended = await self.log.append(connection, drafts, now=datetime.now(UTC))
        if relay is not None:
            relay.offer(appended)
        return appended

    async def append_before_start(self, count: int, *, partition: int = 0) -> list[Appended]:
        """As `append`, through another instance's gate."""
        log = Log(self.log.source)
        log.gate.open()
        async with self.pool.acquire() as connection, connection.transaction():
            drafts = [draft(partition, number) for number in range(count)]
            return await log.append(connection, drafts, now=datetime.now(UTC))

    async def kept_published(self) -> dict[int, int]:
        """What the table says."""
        rows = await self.pool.fetch("select partition, sequence from log_published")
        return {row["partition"]: row["sequence"] for row in rows}

    async def as_owner(self, *statements: str) -> None:
        """Does to the database what no service may: a restored backup, a fault."""
        connection = await asyncpg.connect(self.database.owner_dsn)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def restore_to(self, sequence: int) -> None:
        """The log of partition 0 as a backup had it."""
        await self.as_owner(
            f"delete from log where partition = 0 and sequence > {sequence}",
            f"update log_head set sequence = {sequence}, hash = coalesce((select hash from log"
            f" where partition = 0 and sequence = {sequence}), decode(repeat('00', 32), 'hex'))"
            " where partition = 0",
        )

    async def records(self, partition: int = 0) -> list[Any]:
        """Everything on one partition of the topic."""
        place = TopicPartition(self.topic, partition)
        consumer = Consumer(bootstrap_servers=self.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            begin = (await consumer.beginning_offsets([place]))[place]
            found: list[Any] = []
            async with asyncio.timeout(20):
                while begin < end and (not found or found[-1].offset < end - 1):
                    found += (await consumer.getmany(place, timeout_ms=200)).get(place, [])
            return found
        finally:
            await consumer.stop()

    async def values(self, partition: int = 0) -> list[bytes]:
        """The values on one partition of the topic."""
        return [record.value for record in await self.records(partition)]

    async def extent(self, partition: int = 0) -> tuple[int, int]:
        """Beginning and end offset."""
        place = TopicPartition(self.topic, partition)
        consumer = Consumer(bootstrap_servers=self.bootstrap)
        await consumer.start()
        try:
            begins, ends = await consumer.beginning_offsets([place]), await consumer.end_offsets([place])
            return begins[place], ends[place]
        finally:
            await consumer.stop()

    async def produce(self, values: Sequence[bytes], *, partition: int = 0) -> None:
        """Writes to the topic past the relay."""
        producer = Producer(bootstrap_servers=self.bootstrap, acks="all")
        await producer.start()
        try:
            for value in values:
                await producer.send_and_wait(self.topic, value, partition=partition)
        finally:
            await producer.stop()

    async def create_topic(self, partitions: int = PARTITIONS) -> None:
        """Creates the topic."""
        async with self.admin() as admin:
            await admin.create_topics([NewTopic(self.topic, partitions, 1)])

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """A client for deleting things."""
        admin = Admin(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()


@asynccontextmanager
async def laid(database: ServiceDatabase, bootstrap: str, topic: str) -> AsyncIterator[RelayHarness]:
    """A harness on a database that has a log."""
    pool = await open_pool(database.dsn, application="test", size=6)
    try:
        yield RelayHarness(database, pool, Log("intake", topic=topic), bootstrap, topic)
    finally:
        await pool.close()


async def migrate_log(database: ServiceDatabase) -> None:
    """A log of two partitions."""
    settings = {"partitions": str(PARTITIONS)}
    await migrate(database.owner_dsn, ["shared.append"], role="rahnama_intake", settings=settings)


async def empty_log(database: ServiceDatabase) -> None:
    """The log as it was created."""
    connection = await asyncpg.connect(database.owner_dsn)
    try:
        await connection.execute(
            "truncate log;"
            "update log_head set sequence = 0, hash = decode(repeat('00', 32), 'hex'), time = '';"
            "update log_published set sequence = 0"
        )
    finally:
        await connection.close()


async def until_published(relay: Relay, sequence: int, *, partition: int = 0, seconds: float = 15) -> None:
    """Waits until Kafka has acknowledged `sequence`."""
    await until(lambda: relay.published()[partition] >= sequence, seconds=seconds)


def sequences(values: Sequence[bytes]) -> list[int]:
    """The sequences of events."""
    return [int(decode(value).sequence) for value in values]
