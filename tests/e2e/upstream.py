"""Upstream as it should be: sends each event until it is answered, over either door, whatever fails meanwhile."""

import asyncio
import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import asyncpg
import httpx
from aiokafka.errors import KafkaError

from infra.demo.chain import Chain
from infra.demo.cohort import Event
from infra.local.system import System
from infra.services import NAMES
from shared.kafka.closing_clients import Producer
from tests.deadlines import until
from tests.e2e.sent import SentEvents
from tests.invariants.evidence import Evidence
from tests.invariants.reading import INBOUND, Servers, end_offsets, gather

SECONDS: Final = 60.0
RETRY_SECONDS: Final = 0.1
RESEND_EVENTS: Final = 500
SINGLE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
STRUCTURED_HEADERS: Final = [("content-type", b"application/cloudevents+json; charset=UTF-8")]

Result = dict[str, Any]
Headers = list[tuple[str, bytes]]


class Upstream:
    """A sender with an admin's token, who may also ask everywhere. A context manager."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.urls = system.urls
        self.sent = SentEvents()
        self.client = httpx.AsyncClient(
            headers={"authorization": f"Bearer {system.token('admin')}"}, timeout=SECONDS, trust_env=False
        )

    @property
    def servers(self) -> Servers:
        """Where the raw evidence is."""
        dsns = {service: self.system.database(service).owner_dsn for service in NAMES}
        key = base64.b64decode((self.system.folder / "keys" / "master.key").read_text())
        return Servers(dsns, self.system.kafka_bootstrap, master_key=key)

    @property
    def log_files(self) -> list[Path]:
        """What the services and the servers have printed."""
        folder = self.system.folder
        servers = [folder / server / f"{server}.log" for server in ("postgres", "kafka")]
        return [*sorted((folder / "logs").glob("*.log")), *servers]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    async def post(self, events: Sequence[Event]) -> list[Result]:
        """The results of a batch, in its order; sent again until they come."""
        body = json.dumps(events, ensure_ascii=False).encode()
        self.sent.add(events)

        async def attempt() -> list[Result] | None:
            try:
                answer = await self.post_body(body, BATCH)
            except httpx.TransportError:
                return None
            if answer.status_code == 503:
                return None
            assert answer.status_code == 202, f"{answer.status_code} {answer.text}"
            results: list[Result] = answer.json()["results"]
            assert [result["id"] for result in results] == [event["id"] for event in events]
            self.sent.answered(events, results)
            return results

        return await until(attempt, SECONDS, "an answer of intake", pause_seconds=RETRY_SECONDS)

    async def post_one(self, event: Event, **headers: str) -> httpx.Response:
        """One event, once."""
        return await self.post_body(json.dumps(event, ensure_ascii=False).encode(), SINGLE, **headers)

    async def post_body(self, body: bytes, content_type: str, **headers: str) -> httpx.Response:
        """Any body, once."""
        return await self.client.post(
            f"{self.urls['intake']}/v1/events",
            content=body,
            headers={"content-type": content_type, **headers},
        )

    async def look_up(self, event: Event) -> Result:
        """The result of an event that was sent over Kafka."""
        result = await self.find(event)
        assert result is not None, f"{event['id']} was not answered"
        return result

    async def find(self, event: Event) -> Result | None:
        """The same; None while there is none."""
        answer = await self.client.post(
            f"{self.urls['intake']}/v1/events/lookup", json={"source": event["source"], "id": event["id"]}
        )
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        result: Result = answer.json()
        return result

    async def get(self, service: str, path: str) -> Any:
        """The JSON behind a path."""
        answer = await self.client.get(f"{self.urls[service]}{path}")
        assert answer.status_code == 200, f"{service} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def produce(self, values: Sequence[bytes], headers: Headers | None = None) -> None:
        """To `rahnama.inbound`; returns when all are acknowledged, some perhaps twice."""

        async def attempt() -> bool:
            producer = Producer(bootstrap_servers=self.system.kafka_bootstrap, acks="all")
            try:
                await producer.start()
                sent = [
                    await producer.send(INBOUND, value, headers=headers or STRUCTURED_HEADERS)
                    for value in values
                ]
                await asyncio.gather(*sent)
            except KafkaError:
                return False
            finally:
                await producer.stop()
            return True

        await until(attempt, SECONDS, "an acknowledgement of Kafka", pause_seconds=RETRY_SECONDS)

    async def produce_events(self, events: Sequence[Event]) -> None:
        """As structured CloudEvents."""
        self.sent.add(events)
        await self.produce([json.dumps(event, ensure_ascii=False).encode() for event in events])

    async def settle(self) -> None:
        """Returns when all that was sent is applied by intake, decided, in the ledger, and told where it was refused."""

        async def attempt() -> bool:
            chain = Chain(self.client, self.urls, deadline_seconds=SECONDS)
            try:
                ends = await end_offsets(self.system.kafka_bootstrap, INBOUND)
                await chain.wait_for_inbound(sum(ends.values()))
                await chain.wait_for_ledger()
                return await self._rejections_are_told()
            except (httpx.TransportError, KafkaError):
                return False
            except httpx.HTTPStatusError as error:
                if error.response.status_code != 503:
                    raise
                return False

        await until(attempt, SECONDS, "the end of the way", pause_seconds=RETRY_SECONDS)

    async def _rejections_are_told(self) -> bool:
        """On their topic, which is filled in the background."""
        try:
            connection = await asyncpg.connect(self.servers.dsns["intake"], timeout=SECONDS)
        except (OSError, asyncpg.PostgresError):
            return False
        try:
            untold = await connection.fetchval("select exists (select from rejections where not published)")
        finally:
            await connection.close()
        return not untold

    async def send_again(self, events: Sequence[Event]) -> list[Result]:
        """The answers that intake keeps to events which it has answered before, by whichever door."""
        results: list[Result] = []
        for start in range(0, len(events), RESEND_EVENTS):
            results += await self.post(events[start : start + RESEND_EVENTS])
        return results

    async def evidence(self) -> Evidence:
        """Everything that stands in tables and on topics now, with what was sent and answered."""
        servers = self.servers
        return await gather(servers, sent=self.sent.evidence(servers.master_key), files=self.log_files)

    async def verify(self) -> dict[str, Any]:
        """Audit's own report on all chains and trees."""
        answer = await self.client.post(f"{self.urls['audit']}/v1/verifications", json={})
        answer.raise_for_status()
        report: dict[str, Any] = answer.json()
        return report
