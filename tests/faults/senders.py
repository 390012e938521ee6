"""Upstream as it should be: every event is sent until it is answered, over both doors, whatever fails meanwhile."""

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Final

import httpx
from aiokafka.errors import KafkaError

from infra.demo.cohort import Event
from shared.kafka.aio_clients import AioKafkaClients
from tests.deadlines import until
from tests.e2e.sent import SentEvents
from tests.e2e.upstream import BATCH, STRUCTURED_HEADERS
from tests.faults.proxied_system import TENANTS, ProxiedSystem
from tests.faults.subjects import Leaving, Step
from tests.invariants.reading import INBOUND

PIECE_EVENTS: Final = 8
PAUSE_SECONDS: Final = 0.1
"""Between two pieces of a lane, so that a load lasts a while."""
ANSWER_SECONDS: Final = 120.0
REQUEST_SECONDS: Final = 6.0
RETRY_SECONDS: Final = 0.1
AGAIN_EVENTS: Final = 200

Record = tuple[bytes, bytes | None, Sequence[tuple[str, bytes]] | None]
"""Value, key and headers."""

Place = tuple[int, int]
"""Partition and offset."""

logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what fails here is meant to, and is sent again


class Senders:
    """Sends lanes of steps and keeps what was sent and answered. A context manager."""

    def __init__(self, proxied: ProxiedSystem) -> None:
        self._proxied = proxied
        self.sent = SentEvents(TENANTS)
        self._kafka = AioKafkaClients(proxied.system.kafka_bootstrap)
        self._client = httpx.AsyncClient(timeout=REQUEST_SECONDS, trust_env=False)
        self._tokens = {
            source: proxied.token("upstream", tenant=tenant) for source, tenant in TENANTS.items()
        }
        self._admins = {source: proxied.token("admin", tenant=tenant) for source, tenant in TENANTS.items()}
        self.erased: list[dict[str, Any]] = []
        """The answers to erasures."""
        self.answers: list[bytes] = []
        """The bodies of all answers."""
        self.pieces_done = 0
        self.in_flight = 0
        """Requests and batches of records that are sent and not answered."""

    @contextmanager
    def _flying(self) -> Iterator[None]:
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    async def close(self) -> None:
        """Ends its connections."""
        await self._client.aclose()

    async def send(self, lanes: Sequence[Sequence[Step]]) -> None:
        """All lanes side by side: every other one over HTTP, the others over Kafka."""
        async with asyncio.TaskGroup() as group:
            for number, lane in enumerate(lanes):
                group.create_task(self._lane(lane, self._produce if number % 2 else self._post_by_source))

    async def erase(self, leaving: Sequence[Leaving]) -> None:
        """One after the other, each until it is answered. Whom intake never knew cannot be erased."""
        for person in leaving:
            known = self.sent.known_as(person.subject)
            if known is not None:
                path = f"/v1/students/{known.removeprefix('student/')}/erasure"
                self.erased.append(json.loads(await self._until_answered(path, self._admins[person.source])))

    async def _until_answered(self, path: str, token: str) -> bytes:
        async def attempt() -> bytes | None:
            for url in await self._proxied.urls("intake"):
                try:
                    answer = await self._client.post(url + path, headers={"authorization": f"Bearer {token}"})
                except httpx.TransportError:
                    continue
                if answer.status_code != 503:
                    assert answer.status_code == 202, f"{answer.status_code} {answer.text}"
                    return answer.content
            return None

        with self._flying():
            return await until(attempt, ANSWER_SECONDS, "an answer of intake", pause_seconds=RETRY_SECONDS)

    async def ask_again(self, lanes: Sequence[Sequence[Step]]) -> None:
        """Sends everything once more over HTTP: what was answered is answered again, what was lost is not any more."""
        steps = [step for lane in lanes for step in lane if not step.again]
        for start in range(0, len(steps), AGAIN_EVENTS):
            await self._post_by_source(steps[start : start + AGAIN_EVENTS])

    async def _lane(self, lane: Sequence[Step], send: Any) -> None:
        for start in range(0, len(lane), PIECE_EVENTS):
            piece = lane[start : start + PIECE_EVENTS]
            self.keep(piece)
            await send(piece)
            self.pieces_done += 1
            await asyncio.sleep(PAUSE_SECONDS)

    def keep(self, piece: Sequence[Step]) -> None:
        """These are on their way, after everything that was sent on their subjects before."""
        for step in piece:
            self.sent.add([step.event])
            if not step.again:
                self.sent.in_order(step.event, step.subject)

    async def race(self, lane: Sequence[Step]) -> None:
        """Every piece goes to two instances of intake at once; the next one follows when both have answered."""
        for start in range(0, len(lane), PIECE_EVENTS):
            piece = lane[start : start + PIECE_EVENTS]
            self.keep(piece)
            for source, run in groupby(piece, key=lambda step: str(step.event["source"])):
                events = [step.event for step in run]
                await asyncio.gather(self.post(source, events), self.post(source, events, instance=1))

    async def _post_by_source(self, piece: Sequence[Step]) -> None:
        for source, run in groupby(piece, key=lambda step: str(step.event["source"])):
            await self.post(source, [step.event for step in run])

    async def post(self, source: str, events: Sequence[Event], *, instance: int = 0) -> list[dict[str, Any]]:
        """The results of a batch of one source's events, sent again until they come: to each instance in turn."""
        body = json.dumps(events, ensure_ascii=False).encode()
        headers = {"content-type": BATCH, "authorization": f"Bearer {self._tokens[source]}"}
        turn = instance

        async def attempt() -> list[dict[str, Any]] | None:
            nonlocal turn
            urls = await self._proxied.urls("intake")
            if not urls:
                return None
            url = urls[turn % len(urls)]
            turn += 1
            try:
                answer = await self._client.post(f"{url}/v1/events", content=body, headers=headers)
            except httpx.TransportError:
                return None
            self.answers.append(answer.content)
            if answer.status_code == 503:
                return None
            assert answer.status_code == 202, f"{answer.status_code} {answer.text}"
            results: list[dict[str, Any]] = answer.json()["results"]
            self.sent.answered(events, results)
            return results

        with self._flying():
            return await until(attempt, ANSWER_SECONDS, "an answer of intake", pause_seconds=RETRY_SECONDS)

    async def _produce(self, piece: Sequence[Step]) -> None:
        """By subject as the key, so that one partition keeps a subject's order; an idempotent producer never turns it."""
        values = [
            (json.dumps(step.event, ensure_ascii=False).encode(), step.subject.encode()) for step in piece
        ]
        await self.produce([(value, key, STRUCTURED_HEADERS) for value, key in values])

    async def produce(
        self, records: Sequence[Record], topic: str = INBOUND, partition: int | None = None
    ) -> list[Place]:
        """Values, keys and headers, until all are acknowledged, some perhaps twice.

        Returns the places of those that were acknowledged at the first attempt: a record that was sent again may be the
        repeat of one that nobody acknowledged.
        """
        attempts = 0

        async def attempt() -> list[Place] | None:
            nonlocal attempts
            attempts += 1
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    producer = await self._kafka.producer(
                        enable_idempotence=True, request_timeout_ms=3000, metadata_max_age_ms=2000
                    )
                    try:
                        sent = [
                            await producer.send(topic, value, key=key, headers=headers, partition=partition)
                            for value, key, headers in records
                        ]
                        written = await asyncio.gather(*sent)
                    finally:
                        await producer.stop()
            except (KafkaError, TimeoutError, OSError):
                return None
            return [(record.partition, record.offset) for record in written]

        with self._flying():
            places = await until(
                attempt, ANSWER_SECONDS, "an acknowledgement of Kafka", pause_seconds=RETRY_SECONDS
            )
        return places if attempts == 1 else []
