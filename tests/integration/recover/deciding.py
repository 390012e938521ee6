"""Allocation in this process on topics of its own: facts go in, decisions come out, and its database can be set back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from infra.local.databases import ServiceDatabase
from infra.local.topics import delete_topics, ensure_topics
from services.allocation.app import build
from services.allocation.recover.rebuild import rebuild
from services.allocation.recover.recover import recover
from services.allocation.settings import Settings
from shared.kafka.closing_clients import Producer
from shared.postgres import migrate
from shared.recover.consent import Consent
from tests.integration.recover.backups import rows_of
from tests.servers import TopicSet
from tests.tokens import TestIssuer

TABLES = ("mentors", "mentor_loads", "counters", "enrolments")
SECONDS = 30.0
AGREED = Consent(yes=True)


class Deciding:
    """One allocation's database and topics."""

    def __init__(self, database: ServiceDatabase, topics: TopicSet, folder: Path) -> None:
        self.database = database
        self.topics = topics
        self.issuer = TestIssuer(folder)

    async def migrate(self) -> None:
        await migrate(
            self.database.owner_dsn,
            ["shared.append", "shared.inbox", "services.allocation"],
            role="rahnama_allocation",
            settings={"partitions": str(self.topics.partitions)},
        )

    def settings(self, dsn: str, **changes: Any) -> Settings:
        return Settings(
            database_url=dsn,
            kafka_bootstrap=self.topics.bootstrap,
            topic_prefix=self.topics.prefix,
            partitions=self.topics.partitions,
            jwks_file=self.issuer.jwks_file,
            jwt_issuer=self.issuer.issuer,
            **changes,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[httpx.AsyncClient]:
        """The service, and a client of it."""
        app = build(self.settings(self.database.dsn, poll_seconds=0.05))
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://allocation") as client,
        ):
            yield client

    async def recover(self, consent: Consent = AGREED, **changes: Any) -> list[str]:
        """The command, as the owner gives it."""
        return [line async for line in recover(self.settings(self.database.owner_dsn, **changes), consent)]

    async def rebuild(self) -> list[str]:
        """The command, as the owner gives it."""
        return [line async for line in rebuild(self.settings(self.database.owner_dsn))]

    async def produce(self, source: str, partition: int, values: Sequence[bytes]) -> None:
        """Events on a topic, past the relay."""
        producer = Producer(bootstrap_servers=self.topics.bootstrap)
        await producer.start()
        try:
            for value in values:
                await producer.send(self.topics.name(f"rahnama.{source}"), value, partition=partition)
            await producer.flush()
        finally:
            await producer.stop()

    async def make_topics_anew(self) -> None:
        """Empty ones of the same names."""
        await delete_topics(self.topics.bootstrap, self.topics.prefix)
        await ensure_topics(
            self.topics.bootstrap, partitions=self.topics.partitions, prefix=self.topics.prefix
        )

    async def applied(self, partition: int, sequence: int) -> None:
        """Returns when so many facts are decided, and all decisions of the partition published."""
        query = (
            f"select i.sequence as applied, h.sequence as head, p.sequence as published from inbox i"
            f" join log_head h using (partition) join log_published p using (partition)"
            f" where partition = {partition}"
        )
        async with asyncio.timeout(SECONDS):
            while True:
                [row] = await rows_of(self.database, query)
                if row["applied"] == sequence and row["head"] == row["published"]:
                    return
                await asyncio.sleep(0.05)

    async def log(self) -> list[tuple[Any, ...]]:
        """The decisions, without the time at which they were written."""
        columns = "partition, sequence, type, tenant, subject, version, value, hash, causation_id"
        rows = await rows_of(self.database, f"select {columns} from log order by partition, sequence")
        return [tuple(row.values()) for row in rows]

    async def tables(self) -> dict[str, list[dict[str, Any]]]:
        """All read models and positions."""
        found = {
            table: await rows_of(self.database, f"select * from {table} order by 1, 2, 3, 4")
            for table in TABLES
        }
        found["inbox"] = await rows_of(self.database, "select * from inbox order by 1, 2")
        found["log_head"] = await rows_of(self.database, "select * from log_head order by 1")
        return found
