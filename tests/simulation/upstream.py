"""Upstream: sends each event until it is answered, over HTTP or through `rahnama.inbound`, whatever fails meanwhile."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog
from aiokafka import TopicPartition

from services.intake.crypto.digests import event_keys
from shared.errors import NotFound, Unavailable
from tests.invariants.evidence import Sent
from tests.simulation.broker import Entry
from tests.simulation.installation import SOURCES, Installation, Instance

_log = structlog.get_logger("rahnama.simulation")

ANSWER_SECONDS: Final = 6.0
PAUSE_SECONDS: Final = 0.3
PACE_SECONDS: Final = 0.6
INBOUND: Final = "rahnama.inbound"
STRUCTURED: Final = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)


@dataclass
class Message:
    """One event of upstream. `subject` names who is sent in order; `tenant` is that of the sender's token."""

    document: dict[str, Any]
    tenant: str
    subject: str
    answers: list[dict[str, Any]] = field(default_factory=list)
    offsets: list[tuple[int, int]] = field(default_factory=list)

    @cached_property
    def value(self) -> bytes:
        """As it is sent."""
        return msgspec.json.encode(self.document)


class Upstream:
    """Sends lanes of messages side by side, each in its order."""

    def __init__(self, installation: Installation, chance: random.Random) -> None:
        self._installation = installation
        self._chance = chance
        self.messages: list[Message] = []
        self.erases = False
        self.erased: list[dict[str, Any]] = []
        self._keys: dict[tuple[str, str, str], tuple[bytes, bytes]] = {}
        self.keeps_order = True
        """Whether what was acknowledged on `rahnama.inbound` still stands there in its order."""

    async def send_over_http(self, lane: Sequence[Message]) -> None:
        """In small batches, each after the one before was answered; some are sent again though they were answered."""
        self.messages += lane
        rest = list(lane)
        while rest:
            await asyncio.sleep(self._chance.random() * PACE_SECONDS)
            many = 1 + int(self._chance.random() * 5)
            batch, rest = rest[:many], rest[many:]
            await self._post(batch)
            if self._chance.random() < 0.2:
                await self._post(batch)

    async def send_over_kafka(self, lane: Sequence[Message], partition: int) -> None:
        """To one partition; some twice."""
        self.messages += lane
        for message in lane:
            await asyncio.sleep(self._chance.random() * PACE_SECONDS / 2)
            await self._produce(message, partition)
            if self._chance.random() < 0.15:
                await self._produce(message, partition)

    async def send_again(self, messages: Sequence[Message]) -> None:
        """What was lost with a topic that was wiped before intake had read it."""
        for message in messages:
            await self._produce(message, message.offsets[0][0])

    async def _post(self, batch: Sequence[Message]) -> None:
        while True:
            ready = [instance for instance in self._installation.alive("intake") if instance.ready]
            if ready:
                try:
                    async with asyncio.timeout(ANSWER_SECONDS):
                        results = await self.request(self._chance.choice(ready), batch)
                except (Unavailable, OSError, TimeoutError):
                    pass
                else:
                    for message, result in zip(batch, results, strict=True):
                        message.answers.append(msgspec.to_builtins(result))
                    return
            await asyncio.sleep(PAUSE_SECONDS * (0.5 + self._chance.random()))

    async def request(self, instance: Instance, batch: Sequence[Message]) -> Sequence[Any]:
        """As the HTTP route does it: `services/intake/inbox/http.py`. The results, in the order of `batch`."""

        async def handle() -> Any:
            receiver, writer = instance.parts.receiver, instance.parts.writer
            arrivals = [receiver.from_http(message.value, message.tenant, None) for message in batch]
            return await writer.submit(arrivals)

        await asyncio.sleep(0.001)
        results: Sequence[Any] = await instance.ask(handle())
        await asyncio.sleep(0.001)
        return results

    async def _produce(self, message: Message, partition: int) -> None:
        """Until the broker acknowledges it; a lost acknowledgement makes a repeat."""
        place = TopicPartition(INBOUND, partition)
        while True:
            try:
                offset = await self._installation.broker.request(
                    "produce",
                    lambda: self._installation.broker.append(place, [Entry(None, message.value, STRUCTURED)]),
                )
            except Exception as error:
                _log.debug("produce_failed", error=repr(error))
                offset = None
            if offset is not None:
                message.offsets.append((partition, offset))
                return
            await asyncio.sleep(PAUSE_SECONDS)

    async def erase(self) -> None:
        """As an operator does: somebody whom intake knows, until it is answered."""
        await asyncio.sleep(self._chance.random() * 4)
        students = list(self._installation.databases["intake"].tables["students"].values())
        if not students:
            return
        student = self._chance.choice(students)
        self.erases = True
        while True:
            ready = [instance for instance in self._installation.alive("intake") if instance.ready]
            if ready:
                instance = self._chance.choice(ready)
                work = instance.parts.erasure.erase(student["tenant"], UUID(student["student_id"]), None)
                try:
                    async with asyncio.timeout(ANSWER_SECONDS):
                        answer = await instance.ask(work)
                except NotFound:
                    return  # the database was set back, and knows nobody of that name
                except (Unavailable, OSError, TimeoutError):
                    pass
                else:
                    self.erased.append(msgspec.to_builtins(answer))
                    return
            await asyncio.sleep(PAUSE_SECONDS)

    def keys_of(self, message: Message, keyring: Any) -> bytes | None:
        """The key under which its answer is kept; None for what has no readable source or id."""
        source, event_id = message.document.get("source"), message.document.get("id")
        if not isinstance(source, str) or not isinstance(event_id, str) or not event_id:
            return None
        over_kafka = bool(message.offsets)
        tenant = SOURCES.get(source, "") if over_kafka else message.tenant
        allowed, refused = self._event_keys(keyring, tenant, source, event_id)
        return allowed if SOURCES.get(source) == tenant and tenant else refused

    def _event_keys(self, keyring: Any, tenant: str, source: str, event_id: str) -> tuple[bytes, bytes]:
        asked = tenant, source, event_id
        if asked not in self._keys:
            self._keys[asked] = event_keys(keyring.tenant(tenant).mac, source, event_id)
        return self._keys[asked]

    def sent(self, keyring: Any) -> list[Sent]:
        """For the invariants."""
        found = []
        for message in self.messages:
            key = self.keys_of(message, keyring)
            if key is not None:
                source, event_id = message.document["source"], message.document["id"]
                tenant = SOURCES.get(source, "") if message.offsets else message.tenant
                causation = self._event_keys(keyring, tenant, source, event_id)[0].hex()
                ordered = self.keeps_order or not message.offsets
                if self.erases and "student/" in message.subject:
                    ordered = False  # who is erased begins anew, with version 1
                found.append(
                    Sent(key, causation, (message.subject or None) if ordered else None, message.answers)
                )
        return found
