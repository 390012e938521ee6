"""What stands in the tables and on the topics, read raw: without the services, and without their code."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

INBOUND: Final = "rahnama.inbound"
READ_SECONDS: Final = 20.0
POLL_MILLISECONDS: Final = 500

EVENTS: Final = "select partition, sequence, value, hash, type from {} order by partition, sequence"
TABLES: Final = """
select n.nspname || '.' || quote_ident(c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'm') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by 1
"""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Servers:
    """Where to look: by service the DSN of a role that may read everything (the owner's), and the brokers."""

    dsns: Mapping[str, str]
    bootstrap: str
    topic_prefix: str = ""

    def topic(self, source: str) -> str:
        """`intake` → `rahnama.intake`, with the prefix."""
        return f"{self.topic_prefix}rahnama.{source}"


@dataclass(frozen=True)
class Kept:
    """One event in a table, as it stands there."""

    sequence: int
    value: bytes
    hash: bytes
    type: str


@dataclass(frozen=True)
class History:
    """One log in the three places where it stands, by partition; tables by sequence, the topic by offset."""

    source: str
    log: Mapping[int, Sequence[Kept]]
    topic: Mapping[int, Sequence[bytes]]
    ledger: Mapping[int, Sequence[Kept]]


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that the invariants look at. Two of them are equal only if they are the same."""

    facts: History
    decisions: History
    student_years: Sequence[Row]
    enrolments: Sequence[Row]
    mentor_loads: Sequence[Row]
    counters: Sequence[Row]

    @property
    def histories(self) -> tuple[History, History]:
        """Of both logs."""
        return self.facts, self.decisions


async def gather(servers: Servers) -> Evidence:
    """Reads it all. Nothing must be on its way, or the three places differ."""
    dsns = servers.dsns
    return Evidence(
        facts=await read_history(servers, "intake"),
        decisions=await read_history(servers, "allocation"),
        student_years=await read_rows(dsns["intake"], "select * from student_years"),
        enrolments=await read_rows(dsns["allocation"], "select * from enrolments"),
        mentor_loads=await read_rows(dsns["allocation"], "select * from mentor_loads"),
        counters=await read_rows(dsns["allocation"], "select * from counters"),
    )


async def read_history(servers: Servers, source: str) -> History:
    """One log, its topic and its part of the ledger."""
    return History(
        source,
        log=_kept(await read_rows(servers.dsns[source], EVENTS.format("log"))),
        topic=await read_topic(servers, source),
        ledger=_kept(
            await read_rows(servers.dsns["audit"], EVENTS.format(f"ledger where source = '{source}'"))
        ),
    )


async def read_rows(dsn: str, query: str) -> list[Row]:
    """A query's rows."""
    connection = await asyncpg.connect(dsn, timeout=READ_SECONDS)
    try:
        return [dict(row) for row in await connection.fetch(query, timeout=READ_SECONDS)]
    finally:
        await connection.close()


async def read_tables(dsn: str) -> dict[str, list[Row]]:
    """Every row of every table of a database, by the table's name."""
    names = [row["name"] for row in await read_rows(dsn, TABLES)]
    return {name: await read_rows(dsn, f"select * from {name}") for name in names}


async def read_topic(servers: Servers, source: str) -> dict[int, list[bytes]]:
    """The values of a log's topic by partition, in the order of their offsets."""
    found: dict[int, list[bytes]] = {}
    async for record in read_records(servers.bootstrap, servers.topic(source)):
        found.setdefault(record.partition, []).append(record.value or b"")
    return found


async def read_records(bootstrap: str, topic: str) -> AsyncIterator[Any]:
    """Every record that a topic holds now."""
    places = await _places(bootstrap, topic)
    async with _consumer(bootstrap) as consumer:
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
    async with _consumer(bootstrap) as consumer:
        return {place.partition: end for place, end in (await consumer.end_offsets(places)).items()}


async def topic_names(bootstrap: str) -> list[str]:
    """All topics but Kafka's own."""
    async with _consumer(bootstrap) as consumer:
        return sorted(await consumer.topics())


@asynccontextmanager
async def admin_of(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """For what only an administrator may do."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=int(READ_SECONDS * 1000))
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
async def _consumer(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest")
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def everything_written(servers: Servers, files: Iterable[Path]) -> AsyncIterator[tuple[str, bytes]]:
    """Each place where something is kept, and its bytes: all topics but the inbound one, tables and files."""
    for topic in await topic_names(servers.bootstrap):
        if topic == servers.topic_prefix + INBOUND:
            continue
        async for record in read_records(servers.bootstrap, topic):
            headers = b"\n".join(name.encode() + b": " + (content or b"") for name, content in record.headers)
            yield f"topic {topic}", b"\n".join((record.key or b"", record.value or b"", headers))
    for service, dsn in servers.dsns.items():
        for table, rows in (await read_tables(dsn)).items():
            for row in rows:
                for column, cell in row.items():
                    yield (
                        f"{service}'s {table}.{column}",
                        cell if isinstance(cell, bytes) else f"{cell}".encode(),
                    )
    for file in files:
        yield f"file {file.name}", file.read_bytes()


def _kept(rows: Sequence[Row]) -> dict[int, list[Kept]]:
    found: dict[int, list[Kept]] = {}
    for row in rows:
        kept = Kept(row["sequence"], row["value"], row["hash"], row["type"])
        found.setdefault(row["partition"], []).append(kept)
    return found
