"""`rahnama.keys`: before a subject's first fact leaves, its key record is safe in Kafka.

A restored database then knows everyone again. A record is sealed under a key that only the master key gives; its
Kafka key is an HMAC, so that compaction and the tombstone of an erasure find it and nobody learns from it.
"""

import asyncio
import base64
import hmac
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from services.intake.append.fresh_keys import FreshKeys, SubjectKey
from services.intake.append.sealing import Keyring, seal, unseal
from shared.append.log import Appended
from shared.postgres import Pool, named_queries
from shared.relay.producer import BatchProducer

QUERIES: Final = named_queries("services.intake.relay")
KIND: Final = "key-record"
FIRST_VERSION: Final = 1
WITH_PERSONAL_DATA: Final = ("student/", "mentor/", "manager/")


class KeyRecord(msgspec.Struct, frozen=True):
    """The content of a record: everything that is needed to know a subject and open what is sealed."""

    tenant: str
    subject: str
    lookup: str | None
    wrapped_key: str


def record_key(keyring: Keyring, tenant: str, subject: str) -> bytes:
    """The Kafka key of a subject's record: 32 hex digits."""
    return hmac.digest(keyring.topic_index, f"{tenant}\0{subject}".encode(), "sha256")[:16].hex().encode()


def seal_record(keyring: Keyring, key: SubjectKey) -> tuple[bytes, bytes]:
    """Kafka key and value of a subject's record."""
    index = record_key(keyring, key.tenant, key.subject)
    content = KeyRecord(
        key.tenant,
        key.subject,
        key.lookup.hex() if key.lookup is not None else None,
        base64.b64encode(key.wrapped_key).decode(),
    )
    sealed = seal(
        keyring.topic_key, msgspec.json.encode(content), tenant="", subject=index.decode(), kind=KIND
    )
    return index, sealed.encode()


def open_record(keyring: Keyring, index: bytes, value: bytes) -> SubjectKey:
    """What `seal_record` sealed. Raises `InvalidTag` when the master key is another."""
    content = unseal(keyring.topic_key, value.decode(), tenant="", subject=index.decode(), kind=KIND)
    record = msgspec.json.decode(content, type=KeyRecord)
    return SubjectKey(
        record.tenant,
        record.subject,
        bytes.fromhex(record.lookup) if record.lookup is not None else None,
        base64.b64decode(record.wrapped_key),
    )


class KeyProducer(BatchProducer):
    """A batch producer for records that are no events."""

    def fill_records(self, records: Sequence[tuple[bytes, bytes]]) -> tuple[Any, int]:
        """A batch with as many of `records` as fit, and how many that are (at least one)."""
        assert self._producer is not None
        batch = self._producer.create_batch()
        now = int(time.time() * 1000)
        count = 0
        for key, value in records:
            if batch.append(timestamp=now, key=key, value=value) is None:
                break
            count += 1
        batch.close()
        return batch, count


class KeyRecords:
    """Sends the records of subjects that appear for the first time. One producer, made anew after an error."""

    def __init__(self, pool: Pool, keyring: Keyring, fresh: FreshKeys, *, bootstrap: str, topic: str) -> None:
        self._pool = pool
        self._keyring = keyring
        self._fresh = fresh
        self._bootstrap = bootstrap
        self._topic = topic
        self._producer: KeyProducer | None = None
        self._starting = asyncio.Lock()

    async def publish(self, partition: int, events: Sequence[Appended]) -> None:
        """Returns when Kafka has acknowledged the records of all subjects whose first fact is in `events`."""
        wanted = [
            (event.tenant, event.subject)
            for event in events
            if event.version == FIRST_VERSION and event.subject.startswith(WITH_PERSONAL_DATA)
        ]
        if not wanted:
            return
        records = [seal_record(self._keyring, key) for key in await self._keys(wanted)]
        try:
            await self._send(partition, records)
        except BaseException:
            await self.stop()
            raise

    async def start(self) -> None:
        """Connects to nothing yet: Kafka may come later."""

    async def stop(self) -> None:
        """Closes the producer; a later `publish` opens another."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.close()

    async def _keys(self, wanted: Sequence[tuple[str, str]]) -> list[SubjectKey]:
        found: list[SubjectKey] = []
        missing: list[tuple[str, str]] = []
        for tenant, subject in wanted:
            key = self._fresh.take(tenant, subject)
            if key is None:
                missing.append((tenant, subject))
            else:
                found.append(key)
        if missing:
            rows = await self._pool.fetch(
                QUERIES["subject_keys"], [name for name, _ in missing], [subject for _, subject in missing]
            )
            found += [
                SubjectKey(row["tenant"], row["subject"], row["lookup"], row["wrapped_key"]) for row in rows
            ]
        return found

    async def _send(self, partition: int, records: Sequence[tuple[bytes, bytes]]) -> None:
        producer = await self._started()
        sent = 0
        while sent < len(records):
            batch, count = producer.fill_records(records[sent:])
            await producer.send(partition, batch)
            sent += count

    async def _started(self) -> KeyProducer:
        async with self._starting:
            if self._producer is None:
                producer = KeyProducer(self._bootstrap, self._topic)
                try:
                    await producer.start()
                except BaseException:
                    await producer.close()
                    raise
                self._producer = producer
            return self._producer
