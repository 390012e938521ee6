"""Evidence from running servers, read raw: without the services, and without their code."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.kafka.closing_clients import Admin, Consumer
from tests.invariants.evidence import Evidence, History, Inbound, Kept, Personal, Row, Sent
from tests.invariants.written import file_pieces, table_pieces, topic_pieces

INBOUND: Final = "rahnama.inbound"
READ_SECONDS: Final = 20.0
POLL_MILLISECONDS: Final = 500

TABLES: Final = """
select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by 1
"""
ORDERED: Final = {"log": "partition, sequence", "ledger": "source, partition, sequence"}

Database = dict[str, list[Row]]
"""Every row of every table, by the table's name."""


@dataclass(frozen=True)
class Servers:
    """Where to look: by service the DSN of a role that may read everything (the owner's), and the brokers.

    With intake's `master_key`, the events on `rahnama.inbound` are known by their keys; `tenants` says whose each
    source is.
    """

    dsns: Mapping[str, str]
    bootstrap: str
    topic_prefix: str = ""
    master_key: bytes = b""
    tenants: Mapping[str, str] = field(default_factory=lambda: {"/upstream/demo": "default"})

    def topic(self, source: str) -> str:
        """`intake` → `rahnama.intake`, with the prefix."""
        return f"{self.topic_prefix}rahnama.{source}"


async def gather(
    servers: Servers,
    *,
    sent: Sequence[Sent] = (),
    erased: Sequence[Row] = (),
    files: Iterable[Path] = (),
    said: Iterable[tuple[str, bytes]] = (),
    values: Sequence[str] = (),
    numbers: frozenset[bytes] = frozenset(),
    inbound_made_anew: int = 0,
) -> Evidence:
    """Reads it all. Nothing must be on its way, or the three places differ.

    `values` and `numbers` are personal data, looked for in everything that is read, in `files`, and in what was
    `said` anywhere else.
    """
    topics = {name: [record async for record in records] for name, records in await _all_topics(servers)}
    services = list(servers.dsns)
    databases = dict(
        zip(
            services,
            await asyncio.gather(*(read_tables(servers.dsns[name]) for name in services)),
            strict=True,
        )
    )
    inbound = topics.pop(servers.topic_prefix + INBOUND, [])
    written = [*topic_pieces(topics), *table_pieces(databases), *file_pieces(files), *said]
    return Evidence(
        facts=_history(servers, "intake", databases, topics),
        decisions=_history(servers, "allocation", databases, topics),
        intake=databases["intake"],
        allocation=databases["allocation"],
        audit=databases["audit"],
        sent=sent,
        erased=erased,
        inbound=[Inbound(record.partition, record.offset, event_key(servers, record)) for record in inbound],
        inbound_made_anew=inbound_made_anew,
        rejected=[record.value for record in topics.get(servers.topic("rejections"), [])],
        personal=Personal(values, numbers, written),
    )


def _history(
    servers: Servers, source: str, databases: Mapping[str, Database], topics: Mapping[str, Sequence[Any]]
) -> History:
    topic: dict[int, list[bytes]] = {}
    for record in topics.get(servers.topic(source), ()):
        topic.setdefault(record.partition, []).append(record.value or b"")
    ledger = [row for row in databases["audit"]["ledger"] if row["source"] == source]
    return History(source, log=_kept(databases[source]["log"]), topic=topic, ledger=_kept(ledger))


def _kept(rows: Sequence[Row]) -> dict[int, list[Kept]]:
    found: dict[int, list[Kept]] = {}
    for row in rows:
        kept = Kept(row["sequence"], row["value"], row["hash"], row["type"], row["tenant"], row["subject"])
        found.setdefault(row["partition"], []).append(kept)
    return found


@lru_cache(maxsize=8)
def tenant_key(master_key: bytes, tenant: str) -> bytes:
    """HKDF-SHA256 (RFC 5869) of the master key."""
    info = b"rahnama tenant " + tenant.encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master_key)


def idempotency_key(master_key: bytes, tenant: str, source: str, event_id: str) -> bytes:
    """The key of an event's one answer: the first 16 bytes of HMAC-SHA256(tenant key, source ‖ 0 ‖ id)."""
    return hmac.digest(tenant_key(master_key, tenant), f"{source}\0{event_id}".encode(), "sha256")[:16]


def event_key(servers: Servers, record: Any) -> bytes | None:
    """The key of the CloudEvent in a record; None when it has no source of a tenant or no id."""
    headers = {name: content or b"" for name, content in record.headers}
    source: Any
    event_id: Any
    if headers.get("content-type", b"").startswith(b"application/cloudevents"):
        try:
            event = json.loads(record.value or b"")
        except (ValueError, RecursionError):
            return None
        source, event_id = (event.get("source"), event.get("id")) if isinstance(event, dict) else (None, None)
    else:
        named = [headers.get(name) for name in ("ce_source", "ce_id")]
        source, event_id = [None if name is None else name.decode(errors="replace") for name in named]
    tenant = servers.tenants.get(source) if isinstance(source, str) else None
    if not servers.master_key or tenant is None or not isinstance(event_id, str) or not _is_text(event_id):
        return None
    return idempotency_key(servers.master_key, tenant, source, event_id)


def _is_text(value: str) -> bool:
    """JSON can also spell what is none: a lone surrogate."""
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


async def read_rows(dsn: str, query: str) -> list[Row]:
    """A query's rows."""
    connection = await asyncpg.connect(dsn, timeout=READ_SECONDS)
    try:
        return [dict(row) for row in await connection.fetch(query, timeout=READ_SECONDS)]
    finally:
        await connection.close()


async def read_tables(dsn: str) -> Database:
    """Every row of every table of a database, of one moment."""
    connection = await asyncpg.connect(dsn, timeout=READ_SECONDS)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found: Database = {}
            for row in await connection.fetch(TABLES, timeout=READ_SECONDS):
                name = row["name"]
                order = f" order by {ORDERED[name]}" if name in ORDERED else ""
                rows = await connection.fetch(f'select * from "{name}"{order}', timeout=READ_SECONDS)
                found[name] = [dict(row) for row in rows]
            return found
    finally:
        await connection.close()


async def read_topic(servers: Servers, source: str) -> dict[int, list[bytes]]:
    """The values of a log's topic by partition, in the order of their offsets."""
    found: dict[int, list[bytes]] = {}
    async for record in read_records(servers.bootstrap, servers.topic(source)):
        found.setdefault(record.partition, []).append(record.value or b"")
    return found


async def read_records(bootstrap: str, topic: str) -> AsyncIterator[Any]:
    """Every record that a topic holds now."""
    places = await _places(bootstrap, topic)
    async with consumer_of(bootstrap) as consumer:
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        left = {place for place in places if begins[place] < ends[place]}
        consumer.assign(sorted(left))
        for place in left:
            consumer.seek(place, begins[place])
        while left:
            for place, records in (await consumer.getmany(timeout_ms=POLL_MILLISECONDS)).items():
                for record in records:
                    if record.offset < ends[place]:
                        yield record
            left = {place for place in left if await consumer.position(place) < ends[place]}


async def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """Where each partition of a topic ends."""
    places = await _places(bootstrap, topic)
    async with consumer_of(bootstrap) as consumer:
        return {place.partition: end for place, end in (await consumer.end_offsets(places)).items()}


async def topic_names(bootstrap: str) -> list[str]:
    """All topics but Kafka's own."""
    async with consumer_of(bootstrap) as consumer:
        return sorted(await consumer.topics())


async def _all_topics(servers: Servers) -> list[tuple[str, AsyncIterator[Any]]]:
    names = await topic_names(servers.bootstrap)
    wanted = [name for name in names if name.startswith(f"{servers.topic_prefix}rahnama.")]
    return [(name, read_records(servers.bootstrap, name)) for name in wanted]


@asynccontextmanager
async def admin_of(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """For what only an administrator may do."""
    admin = Admin(bootstrap_servers=bootstrap, request_timeout_ms=int(READ_SECONDS * 1000))
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def _places(bootstrap: str, topic: str) -> list[TopicPartition]:
    async with admin_of(bootstrap) as admin:
        [described] = await admin.describe_topics([topic])
    assert described["error_code"] == 0, f"there is no topic {topic}"
    return [TopicPartition(topic, partition["partition"]) for partition in described["partitions"]]


@asynccontextmanager
async def consumer_of(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group."""
    consumer = Consumer(bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest")
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
