"""Intake in this process, and both of its doors: what upstream sends, and what it is told."""

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from aiokafka import TopicPartition
from fastapi import FastAPI

from infra.demo.cohort import national_id
from infra.local.databases import ServiceDatabase
from services.intake.app import build
from services.intake.crypto.sealing import Keyring
from services.intake.settings import Settings
from shared.kafka.closing_clients import Consumer, Producer
from shared.postgres import migrate
from tests.deadlines import expected_within
from tests.servers import TopicSet
from tests.tokens import TestIssuer

SOURCE = "/upstream/demo"
SINGLE = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
CANARY = "قناریCANARY"
Event = dict[str, Any]


def event(kind: str, event_id: str, data: Any, **attributes: Any) -> Event:
    """One CloudEvent of upstream."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": SOURCE,
        "type": f"rahnama.{kind}.v1",
        "data": data,
        **attributes,
    }


def student(number: int, event_id: str | None = None, **data: Any) -> Event:
    """The registration of one student of 1404; the same number is the same person."""
    return event(
        "student.registered",
        event_id or f"student-{number}",
        {
            "year": 1404,
            "national_id": national_id(100_000_000 + number),
            "first_name": CANARY,
            "last_name": f"{CANARY} {number}",
            "birth_date": "2008-03-04",
            "mobile": f"0912{number:07d}",
            "gender": number % 2,
            "edu_status": 1,
            "reg_center": number % 3,
            "reg_status": 0,
            "group_code": 27,
            "school_code": None,
            **data,
        },
    )


def mentor(number: int, event_id: str | None = None, **data: Any) -> Event:
    """The registration of one mentor."""
    return event(
        "mentor.registered",
        event_id or f"mentor-{number}",
        {
            "mentor_id": number,
            "name": CANARY,
            "mobile": "09120000000",
            "gender": 1,
            "type": "normal",
            "groups": [27],
            "centers": [0, 1, 2],
            **data,
        },
    )


class Intake:
    """A started service, its tokens, its database and its topics."""

    def __init__(
        self,
        app: FastAPI,
        settings: Settings,
        topics: TopicSet,
        issuer: TestIssuer,
        database: ServiceDatabase,
    ) -> None:
        self.app = app
        self.settings = settings
        self.topics = topics
        self.issuer = issuer
        self.database = database
        self.keyring = Keyring(settings.read_master_key())
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://intake")

    async def post(self, body: object, kind: dict[str, str] = SINGLE, **claims: Any) -> httpx.Response:
        """`POST /v1/events` as upstream."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        tenant = claims.pop("tenant", "default")
        headers = {**kind, **self.issuer.headers("upstream", tenant), **claims}
        return await self.client.post("/v1/events", content=raw, headers=headers)

    async def send(self, body: Event) -> dict[str, Any]:
        """The result of one event."""
        answer = await self.post(body)
        assert answer.status_code in (202, 422), answer.text
        result: dict[str, Any] = answer.json()
        return result

    async def send_batch(self, events: Sequence[object]) -> list[dict[str, Any]]:
        """The results of a batch."""
        answer = await self.post(events, BATCH)
        assert answer.status_code == 202, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results

    async def look_up(self, event_id: str, source: str = SOURCE, tenant: str = "default") -> httpx.Response:
        """`POST /v1/events/lookup` as upstream."""
        return await self.client.post(
            "/v1/events/lookup",
            json={"source": source, "id": event_id},
            headers=self.issuer.headers("upstream", tenant),
        )

    async def answered(self, event_id: str, source: str = SOURCE, tenant: str = "default") -> dict[str, Any]:
        """The result of what was sent over Kafka, as soon as there is one."""
        for _ in range(200):
            answer = await self.look_up(event_id, source, tenant)
            if answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"{event_id} was never answered")

    async def get(
        self, path: str, role: str = "operator", tenant: str = "default", **claims: Any
    ) -> httpx.Response:
        """A read, as an operator."""
        return await self.client.get(path, headers=self.issuer.headers(role, tenant, **claims))

    async def write_inbound(
        self, *values: bytes, partition: int = 0, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Records on `rahnama.inbound`."""
        producer = Producer(bootstrap_servers=self.topics.bootstrap)
        await producer.start()
        try:
            for value in values:
                await producer.send_and_wait(
                    self.topics.name("rahnama.inbound"), value, partition=partition, headers=list(headers)
                )
        finally:
            await producer.stop()

    async def read_topic(self, name: str, at_least: int) -> list[Any]:
        """All records of a topic, once there are so many."""
        consumer = Consumer(bootstrap_servers=self.topics.bootstrap, enable_auto_commit=False)
        await consumer.start()
        try:
            topic = self.topics.name(name)
            partitions = [TopicPartition(topic, number) for number in range(self.topics.partitions)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            found: list[Any] = []
            async with expected_within(15, f"{at_least} records of {name}"):
                while len(found) < at_least:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += records
            return found
        finally:
            await consumer.stop()

    async def rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """What the database holds, read as its owner."""
        connection = await asyncpg.connect(self.database.owner_dsn)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()


async def prepare(database: ServiceDatabase) -> None:
    """Migrates intake's database."""
    await migrate(
        database.owner_dsn,
        ["shared.append", "services.intake"],
        role="rahnama_intake",
        settings={"partitions": "12"},
    )


def make_settings(
    database: ServiceDatabase, topics: TopicSet, issuer: TestIssuer, folder: Path, **changes: Any
) -> Settings:
    """Settings of a service with a master key of its own folder."""
    master = folder / "master.key"
    if not master.exists():
        master.write_text(base64.b64encode(secrets.token_bytes(32)).decode(), encoding="ascii")
    given: dict[str, Any] = {
        "database_url": database.dsn,
        "kafka_bootstrap": topics.bootstrap,
        "topic_prefix": topics.prefix,
        "jwks_file": issuer.jwks_file,
        "jwt_issuer": issuer.issuer,
        "master_key_file": master,
        "sources": {SOURCE: "default", "/upstream/other": "other"},
        "poll_seconds": 0.05,
        "position_wait_seconds": 0.5,
    }
    return Settings(**{**given, **changes})


@asynccontextmanager
async def running(
    database: ServiceDatabase, topics: TopicSet, issuer: TestIssuer, settings: Settings
) -> AsyncIterator[Intake]:
    """A started intake."""
    app = build(settings)
    async with app.router.lifespan_context(app):
        intake = Intake(app, settings, topics, issuer, database)
        try:
            yield intake
        finally:
            await intake.client.aclose()
