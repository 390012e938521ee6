"""Audit in this process, on real Kafka and Postgres, with topics to write to and an owner who may tamper."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI

from infra.local.databases import ServiceDatabase
from services.audit.app import build
from services.audit.settings import Settings
from shared.kafka.closing_clients import Producer
from shared.postgres import migrate
from tests.chains import Chain
from tests.servers import TopicSet
from tests.tokens import TestIssuer

PARTITIONS = 4


@dataclass
class Audit:
    """A started audit service and everything around it."""

    app: FastAPI
    database: ServiceDatabase
    topics: TopicSet
    issuer: TestIssuer
    client: httpx.AsyncClient
    owner: asyncpg.Connection
    producer: AIOKafkaProducer

    async def publish(
        self, chain: Chain, values: Sequence[bytes] | None = None, traceparent: str | None = None
    ) -> None:
        """Writes a chain (or some of its events, or others) to its topic partition."""
        topic = self.topics.name(f"rahnama.{chain.source}")
        headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
        if traceparent is not None:
            headers.append(("traceparent", traceparent.encode()))
        for value in chain.values if values is None else values:
            await self.producer.send(topic, value, partition=chain.partition, headers=headers)
        await self.producer.flush()

    async def get(
        self, path: str, role: str = "auditor", tenant: str = "default", accept: str = "application/json"
    ) -> httpx.Response:
        """As a bearer of one role."""
        headers = {**self.issuer.headers(role, tenant), "Accept": accept}
        return await self.client.get(path, headers=headers)

    async def items(self, path: str, tenant: str = "default") -> list[dict[str, Any]]:
        """The items of a list's first page."""
        answer = await self.get(path, tenant=tenant)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def verify(self, **body: Any) -> dict[str, Any]:
        """The report of a verification."""
        content = json.dumps(body).encode() if body else b""
        headers = {**self.issuer.headers("auditor"), "Content-Type": "application/json"}
        answer = await self.client.post("/v1/verifications", content=content, headers=headers)
        assert answer.status_code == 200, answer.text
        report: dict[str, Any] = answer.json()
        return report

    async def reach(self, *chains: Chain) -> None:
        """Waits until the ledger holds these chains to their ends."""
        wanted = "&".join(f"min_position={one.source}:{one.partition}:{len(one.values)}" for one in chains)
        for _ in range(10):
            answer = await self.get(f"/v1/records?limit=1&{wanted}")
            if answer.status_code == 200:
                return
            assert answer.json()["code"] == "POSITION_NOT_REACHED", answer.text
        raise AssertionError(f"the ledger did not reach {wanted}: {(await self.get('/readyz')).text}")

    async def keep(self, *chains: Chain) -> None:
        """Publishes the chains and waits until the ledger holds them."""
        for chain in chains:
            await self.publish(chain)
        await self.reach(*chains)


@asynccontextmanager
async def running_audit(
    database: ServiceDatabase, topics: TopicSet, folder: Path, **settings: Any
) -> AsyncIterator[Audit]:
    """Migrates the database if needed, and runs the service until the end of the block."""
    await migrate(
        database.owner_dsn,
        ["shared.inbox", "services.audit"],
        role="rahnama_audit",
        settings={"partitions": str(topics.partitions)},
    )
    issuer = TestIssuer(folder)
    app = build(
        Settings(
            database_url=database.dsn,
            kafka_bootstrap=topics.bootstrap,
            topic_prefix=topics.prefix,
            partitions=topics.partitions,
            jwks_file=issuer.jwks_file,
            jwt_issuer=issuer.issuer,
            **settings,
        )
    )
    owner = await asyncpg.connect(database.owner_dsn)
    producer = Producer(bootstrap_servers=topics.bootstrap)
    await producer.start()
    try:
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://audit", timeout=60
            ) as client,
        ):
            await _ready(client)
            yield Audit(app, database, topics, issuer, client, owner, producer)
    finally:
        await producer.stop()
        await owner.close()


async def _ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while (await client.get("/readyz")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def history(source: str, partition: int, count: int, tenants: Sequence[str] = ("default",)) -> Chain:
    """A chain of `count` events of types that no release knows, about ten mentors."""
    chain = Chain(source, partition)
    for number in range(count):
        data = json.dumps({"number": number, "name": "سارا"}, ensure_ascii=False).encode()
        tenant = tenants[number % len(tenants)]
        chain.add(f"rahnama.{source}.unheard-of.v{number % 3}", f"mentor/{number % 10}", data, tenant)
    return chain
