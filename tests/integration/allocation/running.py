"""Allocation in this process: as a whole on real Kafka and Postgres, or its writer alone on a real Postgres."""

import asyncio
from typing import Any

import httpx
from fastapi import FastAPI

from infra.local.databases import ServiceDatabase
from services.allocation.append.writer import AllocationPartition, DecisionWriter
from services.allocation.inbox.facts import FactsInbox
from shared.append.clock import system_clock
from shared.append.log import Appended, Log
from shared.kafka.closing_clients import Producer
from shared.postgres import Pool, migrate
from shared.telemetry import Telemetry
from tests.chains import Chain, partition_of
from tests.servers import TopicSet
from tests.tokens import TestIssuer

PARTITION = partition_of("default", 0)
"""Of the girls of the tenant `default`."""


class Service:
    """Allocation in this process, with a topic of facts to write to."""

    def __init__(self, app: FastAPI, topics: TopicSet, issuer: TestIssuer) -> None:
        self.app = app
        self.topics = topics
        self.issuer = issuer
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://allocation")

    async def publish(self, chain: Chain) -> None:
        """Writes the whole chain to its partition of the facts' topic."""
        producer = Producer(bootstrap_servers=self.topics.bootstrap)
        await producer.start()
        try:
            for value in chain.values:
                await producer.send_and_wait(
                    self.topics.name("rahnama.intake"), value, partition=chain.partition
                )
        finally:
            await producer.stop()

    async def get(self, path: str, role: str = "operator", **claims: Any) -> httpx.Response:
        """As a bearer of one role."""
        return await self.client.get(path, headers=self.issuer.headers(role, **claims))

    async def items(self, path: str, **claims: Any) -> list[dict[str, Any]]:
        """The items of a list's first page."""
        items: list[dict[str, Any]] = (await self.get(path, **claims)).json()["items"]
        return items

    async def wait_for(self, sequence: int, partition: int = PARTITION) -> None:
        """Until a read shows that fact of the partition."""
        for _ in range(100):
            answer = await self.get(f"/v1/summary?year=1404&min_position=intake:{partition}:{sequence}")
            if answer.status_code == 200:
                return
            assert answer.json()["code"] == "POSITION_NOT_REACHED", answer.text
            await asyncio.sleep(0.05)
        raise AssertionError(f"allocation did not reach {sequence}")


class Allocation:
    """The writer of one database, driven slice by slice as the inbox would."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.published: list[Appended] = []
        log = Log("allocation")
        log.gate.open()
        self.writer = DecisionWriter(pool, log, Telemetry(), self.published.extend, system_clock)
        self.inbox = FactsInbox(self.writer.append)

    async def state(self, partition: int = PARTITION) -> AllocationPartition:
        """As a service has it that has just got the partition."""
        return await self.writer.load("intake", partition)

    async def apply(self, chain: Chain, state: AllocationPartition, last: int) -> None:
        """Decides what follows the state's position, up to sequence `last`, as one batch."""
        await self.inbox.apply([chain.slice(state, last)])

    async def values(self) -> list[bytes]:
        """The log of decisions."""
        rows = await self.pool.fetch("select value from log order by partition, sequence")
        return [row["value"] for row in rows]

    async def statuses(self) -> list[tuple[str, int | None]]:
        """Everyone's status and mentor, by arrival."""
        rows = await self.pool.fetch("select status, mentor_id from enrolments order by arrival")
        return [(row["status"], row["mentor_id"]) for row in rows]


async def migrated(database: ServiceDatabase) -> None:
    """Makes allocation's tables, for twelve partitions."""
    await migrate(
        database.owner_dsn,
        ["shared.append", "shared.inbox", "services.allocation"],
        role="rahnama_allocation",
        settings={"partitions": "12"},
    )
