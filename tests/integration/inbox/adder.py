"""A trivial service for the inbox: it adds up the numbers that events carry, once each, in a table."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import msgspec

from shared.contracts.envelope import Envelope, encode, event_id, leaf_hash
from shared.inbox.log_inbox import LogInbox
from shared.inbox.positions import Position, Slice, load_hashes, load_position, move_positions
from shared.kafka.aio_clients import AioKafkaClients
from shared.kafka.closing_clients import Producer
from shared.kafka.polling import Polling
from shared.postgres import Pool
from tests.deadlines import until

TABLES = """
create table totals (source text, partition smallint, total bigint not null, primary key (source, partition));
insert into totals select 'intake', p, 0 from generate_series(0, 11) as p;
insert into inbox (source, partition) select 'intake', p from generate_series(0, 11) as p;
grant select, update on totals to rahnama_allocation;
"""
EMPTIED = """
update inbox set sequence = 0, hash = decode(repeat('00', 32), 'hex');
update totals set total = 0;
delete from inbox_hashes;
"""


def chain(count: int, *, partition: int = 0, source: str = "intake", start: str = "x") -> list[bytes]:
    """The events 1..count of one partition; event n carries the number n. `start` makes another history."""
    return continued((), count, partition=partition, source=source, start=start)


def continued(
    before: Sequence[bytes], count: int, *, partition: int = 0, source: str = "intake", start: str = "x"
) -> list[bytes]:
    """The next events behind those of one partition, with fitting sequences and hashes."""
    values: list[bytes] = []
    previous = leaf_hash(before[-1]) if before else bytes(32)
    for sequence in range(len(before) + 1, len(before) + count + 1):
        value = encode(
            Envelope(
                specversion="1.0",
                id=event_id(source, partition, sequence),
                source=f"/rahnama/{source}",
                type="test.number.v1",
                subject=start,
                time="2026-01-01T00:00:00.000000Z",
                datacontenttype="application/json",
                tenant="default",
                sequence=f"{sequence:016d}",
                previous=previous.hex(),
                causationid="",
                data=msgspec.Raw(b'{"number":%d}' % sequence),
            )
        )
        previous = leaf_hash(value)
        values.append(value)
    return values


def total(count: int) -> int:
    """1 + 2 + … + count."""
    return count * (count + 1) // 2


async def publish(bootstrap: str, topic: str, values: Sequence[bytes], *, partition: int = 0) -> None:
    """Writes the values as they are, in their order."""
    producer = Producer(bootstrap_servers=bootstrap, acks="all", metadata_max_age_ms=500)
    await producer.start()
    try:
        async with asyncio.timeout(20):
            left = list(values)
            while left:
                batch = producer.create_batch()
                while left and batch.append(
                    key=None,
                    value=left[0],
                    timestamp=None,
                    headers=[("content-type", b"application/cloudevents+json; charset=UTF-8")],
                ):
                    left.pop(0)
                await (await producer.send_batch(batch, topic, partition=partition))
    finally:
        await producer.stop()


@dataclass
class Sum:
    """The state of one partition."""

    position: Position
    total: int


Before = Callable[[Sequence[Slice[Sum]]], Awaitable[None]]


@dataclass
class Adder:
    """`before` is called in each transaction, and may raise; `calls` has the partitions of every try."""

    pool: Pool
    before: Before | None = None
    calls: list[list[int]] = field(default_factory=list)
    loads: int = 0

    async def load(self, source: str, partition: int) -> Sum:
        self.loads += 1
        async with self.pool.acquire() as connection:
            position = await load_position(connection, source, partition)
            stored = await connection.fetchval(
                "select total from totals where source = $1 and partition = $2", source, partition
            )
            return Sum(position, stored)

    async def apply(self, slices: Sequence[Slice[Sum]]) -> None:
        self.calls.append([piece.partition for piece in slices])
        sums = {
            piece.partition: piece.state.total
            + sum(msgspec.json.decode(record.envelope.data)["number"] for record in piece.records)
            for piece in slices
        }
        async with self.pool.acquire() as connection, connection.transaction():
            await move_positions(connection, slices, keep_hashes=True)
            await connection.execute(
                "update totals set total = new.total from unnest($1::smallint[], $2::bigint[]) as new (partition, total)"
                " where totals.partition = new.partition",
                list(sums),
                list(sums.values()),
            )
            if self.before is not None:
                await self.before(slices)
        for piece in slices:
            piece.state.position = piece.reached
            piece.state.total = sums[piece.partition]

    async def hashes(self, source: str, partition: int, sequences: Collection[int]) -> Mapping[int, bytes]:
        async with self.pool.acquire() as connection:
            return await load_hashes(connection, source, partition, sequences)

    async def totals(self) -> dict[int, int]:
        rows = await self.pool.fetch("select partition, total from totals where total > 0")
        return {row["partition"]: row["total"] for row in rows}


def inbox(
    adder: Adder, bootstrap: str, topic: str, *, group: str = "adder", **settings: float
) -> LogInbox[Sum]:
    """A LogInbox of the adder with short times."""
    return LogInbox(
        AioKafkaClients(bootstrap),
        f"{group}.{topic}",
        {"intake": topic},
        adder.load,
        adder.apply,
        adder.hashes,
        adder.pool,
        polling=Polling(session_timeout_seconds=1.5, batch_records=int(settings.get("batch_records", 500))),
        stall_seconds=settings.get("stall_seconds", 1.0),
    )


@asynccontextmanager
async def reading(member: LogInbox[Sum]) -> AsyncIterator[LogInbox[Sum]]:
    """Started, ready, and stopped at the end."""
    await member.start()
    try:
        await until(lambda: member.ready() is None)
        yield member
    finally:
        await member.stop()


async def reached(adder: Adder, expected: dict[int, int], seconds: float = 15) -> None:
    """Waits for the totals of the partitions, given by how many events of each were applied."""
    wanted = {partition: total(count) for partition, count in expected.items() if count}

    async def equal() -> bool:
        return await adder.totals() == wanted

    try:
        await until(equal, seconds)
    except AssertionError:
        raise AssertionError(f"{await adder.totals()} is not {wanted}") from None


async def open_adder(dsn: str) -> Adder:
    return Adder(await asyncpg.create_pool(dsn, min_size=1, max_size=4))
