"""Intake on topics of its own, whose database can be set back; each start is a new process' start."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from infra.local.databases import ServiceDatabase
from infra.local.topics import ensure_topics
from services.intake.recover.rebuild import rebuild
from services.intake.recover.recover import recover
from services.intake.settings import Settings
from shared.kafka.aio_clients import AioKafkaClients
from shared.recover.consent import Consent
from tests.integration.intake.harness import Event, Intake, make_settings, prepare, running
from tests.integration.recover.backups import rows_of
from tests.servers import TopicSet
from tests.tokens import TestIssuer

TABLES = {
    "log": "partition, sequence, type, tenant, subject, version, value, hash, causation_id",
    "log_head": "*",
    "subject_keys": "*",
    "students": "*",
    "student_years": "*",
    "mentors": "*",
    "managers": "*",
    "school_rosters": "*",
}
SECONDS = 30.0
AGREED = Consent(yes=True)
ANSWERS = "select key, subject, facts, reissued from idempotency where status = 'accepted' order by key"


class Accepting:
    """One intake's database, topics and keys."""

    def __init__(self, database: ServiceDatabase, topics: TopicSet, folder: Path) -> None:
        self.database = database
        self.topics = topics
        self._folder = folder
        self._issuer = TestIssuer(folder)

    async def migrate(self) -> None:
        await prepare(self.database)

    def settings(self, **changes: Any) -> Settings:
        return make_settings(self.database, self.topics, self._issuer, self._folder, **changes)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Intake]:
        """The service; when it ends, all its facts are published."""
        async with running(self.database, self.topics, self._issuer, self.settings()) as intake:
            yield intake

    async def send(self, *events: Event) -> list[dict[str, Any]]:
        """Starts the service, sends these over HTTP, one by one, and stops it."""
        async with self.running() as intake:
            return [await intake.send(event) for event in events]

    async def write(self, values: Sequence[bytes], last_id: str, *, partition: int = 0) -> None:
        """Starts the service, sends these over Kafka, waits for the answer to the last one, and stops it.

        Rejections are told of by then.
        """
        headers = [("content-type", b"application/cloudevents+json")]
        async with self.running() as intake, asyncio.timeout(SECONDS):
            await intake.write_inbound(*values, partition=partition, headers=headers)
            await intake.answered(last_id)
            while await intake.rows("select 1 from rejections where not published"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def produce(self, topic: str, records: Sequence[tuple[int, bytes | None, bytes | None]]) -> None:
        """Records past the relay: partition, key, value."""
        producer = AIOKafkaProducer(bootstrap_servers=self.topics.bootstrap)
        await producer.start()
        try:
            for partition, key, value in records:
                await producer.send_and_wait(self.topics.name(topic), value, key=key, partition=partition)
        finally:
            await producer.stop()

    async def lose_facts(self, log: Sequence[dict[str, Any]], lost: Callable[[dict[str, Any]], bool]) -> None:
        """Makes the topic of facts as if these had never been published."""
        kept = [(row["partition"], None, row["value"]) for row in log if not lost(row)]
        await self.make_anew("rahnama.intake", kept)

    async def make_anew(self, topic: str, records: Sequence[tuple[int, bytes | None, bytes | None]]) -> None:
        """Another topic of the same name, with these records: partition, key, value."""
        name = self.topics.name(topic)
        admin = await AioKafkaClients(self.topics.bootstrap).admin()
        try:
            await admin.delete_topics([name])
            while name in await admin.list_topics():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        finally:
            await admin.close()
        await ensure_topics(
            self.topics.bootstrap, partitions=self.topics.partitions, prefix=self.topics.prefix
        )
        await self.produce(topic, records)

    async def recover(
        self, consent: Consent = AGREED, *, into: list[str] | None = None, **changes: Any
    ) -> list[str]:
        """The command, as the owner gives it. Its lines, also in `into`, which has them if it fails."""
        settings = self.settings(database_url=self.database.owner_dsn, **changes)
        lines = [] if into is None else into
        async for line in recover(settings, consent):
            lines.append(line)
        return lines

    async def rebuild(self, **changes: Any) -> list[str]:
        """The command, as the owner gives it."""
        settings = self.settings(database_url=self.database.owner_dsn, **changes)
        return [line async for line in rebuild(settings)]

    async def tables(self) -> dict[str, list[dict[str, Any]]]:
        """All that recover brings back but answers, whose digests and order it cannot always know."""
        return {
            table: await rows_of(self.database, f"select {columns} from {table} order by 1, 2, 3")
            for table, columns in TABLES.items()
        }

    async def answers(self) -> list[dict[str, Any]]:
        """All answers of events that were accepted, without the digests of the contents."""
        return await rows_of(self.database, ANSWERS)
