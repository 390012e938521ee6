"""rahnama.inbound on real servers: positions are offsets with digests, and any record is accepted."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
import pytest_asyncio
from structlog.testing import capture_logs

from services.intake.append.inbound import InboundSlice, move_inbound
from services.intake.inbox.kafka import InboundInbox
from shared.kafka.aio_clients import AioKafkaClients
from shared.kafka.polling import Polling
from shared.postgres import Pool, migrate
from tests.deadlines import until
from tests.integration.inbox.adder import publish
from tests.integration.inbox.topic_faults import delete_before, make_anew
from tests.integration.transactions import transaction, write_committed
from tests.invariants.reading import admin_of

if TYPE_CHECKING:
    from infra.local.databases import Databases
    from tests.servers import MakesTopics, TopicSet

SEEN = """
create table seen (number bigserial, partition smallint, record_offset bigint, value text);
grant select, insert, delete on seen to rahnama_intake;
grant usage on sequence seen_number_seq to rahnama_intake;
"""


@dataclass
class Collector:
    """A writer that keeps every value. The first `faults` tries fail after the position was moved."""

    pool: Pool
    faults: int = 0

    async def apply(self, slices: Sequence[InboundSlice]) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            await move_inbound(connection, slices)
            await connection.copy_records_to_table(
                "seen",
                records=[(s.partition, r.offset, r.value.decode()) for s in slices for r in s.records],
                columns=["partition", "record_offset", "value"],
            )
            if self.faults > 0:
                self.faults -= 1
                raise asyncpg.exceptions.DeadlockDetectedError("tried again")

    async def values(self) -> list[str]:
        return [row["value"] for row in await self.pool.fetch("select value from seen order by number")]

    async def expect(self, values: list[str]) -> None:
        async def equal() -> bool:
            return await self.values() == values

        try:
            await until(equal, 15)
        except TimeoutError:
            raise AssertionError(f"{await self.values()} is not {values}") from None


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def dsn(module_databases: "Databases") -> str:
    owner = module_databases.intake.owner_dsn
    await migrate(
        owner, ["shared.append", "services.intake"], role="rahnama_intake", settings={"partitions": "2"}
    )
    connection = await asyncpg.connect(owner)
    await connection.execute(SEEN)
    await connection.close()
    return module_databases.intake.dsn


@pytest_asyncio.fixture(loop_scope="session")
async def collector(dsn: str) -> AsyncIterator[Collector]:
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=4)
    try:
        await pool.execute("delete from seen")
        await pool.execute("update inbound set next_offset = 0, digest = decode(repeat('00', 32), 'hex')")
        yield Collector(pool)
    finally:
        await pool.close()


@asynccontextmanager
async def reading(
    collector: Collector, kafka: "TopicSet", *, partitions: int | None = None
) -> AsyncIterator[InboundInbox]:
    topic = kafka.name("rahnama.inbound")
    member = InboundInbox(
        AioKafkaClients(kafka.bootstrap),
        f"collector.{topic}",
        topic,
        collector.apply,
        collector.pool,
        polling=Polling(session_timeout_seconds=1.5, batch_records=20, read_committed=True),
        look_seconds=0.5,
        partitions=partitions,
    )
    await member.start()
    try:
        await until(lambda: member.ready() is None)
        yield member
    finally:
        await member.stop()


def words(prefix: str, count: int, start: int = 0) -> list[str]:
    return [f"{prefix}{number}" for number in range(start, count)]


async def write(kafka: "TopicSet", values: list[str], partition: int = 0) -> None:
    encoded = [value.encode() for value in values]
    await publish(kafka.bootstrap, kafka.name("rahnama.inbound"), encoded, partition=partition)


async def test_every_record_is_handed_over_once_across_restarts_and_faults(
    collector: Collector, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    await write(kafka, words("a", 50))
    collector.faults = 5
    async with reading(collector, kafka) as member:
        await collector.expect(words("a", 50))
        assert [
            (item.source, item.partition, item.applied, item.newest) for item in await member.positions()
        ] == [
            ("inbound", 0, 50, 50),
            ("inbound", 1, 0, 0),
        ]
    await write(kafka, words("a", 70, 50))
    async with reading(collector, kafka):
        await collector.expect(words("a", 70))


async def test_a_topic_made_anew_while_nobody_read_is_read_from_its_beginning(
    collector: Collector, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic = kafka.name("rahnama.inbound")
    await write(kafka, words("a", 10))
    async with reading(collector, kafka):
        await collector.expect(words("a", 10))
    await make_anew(kafka.bootstrap, topic, 2)
    await write(kafka, words("b", 5))  # it ends before the position
    async with reading(collector, kafka):
        await collector.expect(words("a", 10) + words("b", 5))
    await make_anew(kafka.bootstrap, topic, 2)
    await write(kafka, words("c", 30))  # it grew past the position: another record stands before it
    async with reading(collector, kafka):
        await collector.expect(words("a", 10) + words("b", 5) + words("c", 30))


async def test_a_topic_made_anew_under_the_reader_is_read_from_its_beginning(
    collector: Collector, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic = kafka.name("rahnama.inbound")
    async with reading(collector, kafka) as member:
        await write(kafka, words("a", 10))
        await collector.expect(words("a", 10))
        await make_anew(kafka.bootstrap, topic, 2)
        await write(kafka, words("b", 5))
        await collector.expect(words("a", 10) + words("b", 5))
        await make_anew(kafka.bootstrap, topic, 2)
        await write(kafka, words("c", 30))

        async def all_came() -> bool:
            return set(words("c", 30)) <= set(await collector.values())

        await until(all_came)
        assert member.held() == []


async def test_records_deleted_unread_are_passed_over_and_deleted_applied_ones_change_nothing(
    collector: Collector, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic = kafka.name("rahnama.inbound")
    await write(kafka, words("a", 10))
    async with reading(collector, kafka):
        await collector.expect(words("a", 10))
    await delete_before(kafka.bootstrap, topic, 10)  # the retention: start = next
    await write(kafka, words("a", 14, 10))
    async with reading(collector, kafka):
        await collector.expect(words("a", 14))
    await write(kafka, words("a", 20, 14))
    await delete_before(kafka.bootstrap, topic, 17)  # start beyond next
    async with reading(collector, kafka):
        await collector.expect(words("a", 14) + words("a", 20, 17))


async def test_a_partition_that_the_installation_does_not_have_is_held_with_an_alarm_and_no_other(
    collector: Collector, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=3)
    await write(kafka, words("beyond", 1), partition=2)
    async with reading(collector, kafka) as member:
        await write(kafka, words("a", 5), partition=1)
        await collector.expect(words("a", 5))
        await until(lambda: [held.partition for held in member.held()] == [2])
        assert "more partitions" in member.held()[0].reason


async def test_a_deleted_topic_is_created_again_with_an_alarm(
    collector: Collector, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic = kafka.name("rahnama.inbound")
    with capture_logs() as logs:
        async with reading(collector, kafka, partitions=2) as member, admin_of(kafka.bootstrap) as admin:
            await write(kafka, words("a", 10))
            await collector.expect(words("a", 10))
            await admin.delete_topics([topic])
            await until(lambda: "is missing" in (member.ready() or ""), 30)

            async def there_again() -> bool:
                found = [item for item in await admin.describe_topics() if item["topic"] == topic]
                return bool(found) and len(found[0]["partitions"]) == 2

            await until(there_again, 30)
            await until(lambda: member.ready() is None, 30)
            await write(kafka, words("b", 5))
            await collector.expect(words("a", 10) + words("b", 5))
    events = [line["event"] for line in logs]
    assert "topic_missing" in events
    assert "topic_recreated" in events


async def test_records_deleted_under_a_reader_that_cannot_apply_are_an_alarm(
    collector: Collector, topics: "MakesTopics"
) -> None:
    kafka = await topics(partitions=2)
    topic = kafka.name("rahnama.inbound")
    with capture_logs() as logs:
        async with reading(collector, kafka):
            await write(kafka, words("a", 10))
            await collector.expect(words("a", 10))
            collector.faults = 6
            await write(kafka, words("a", 30, 10))
            await until(lambda: collector.faults < 6)
            await delete_before(kafka.bootstrap, topic, 30)
            collector.faults = 0
            await write(kafka, words("b", 3))
            await until(lambda: any(line["event"] == "inbound_deleted_unread" for line in logs), 30)


async def test_markers_and_open_transactions_are_no_lag(collector: Collector, topics: "MakesTopics") -> None:
    kafka = await topics(partitions=2)
    name = kafka.name("rahnama.inbound")

    def lags() -> list[float]:
        return [value for value, _ in member._gauges.lag_records()]

    with capture_logs() as logs:
        async with reading(collector, kafka) as member:
            await write(kafka, ["a"])
            await write_committed(kafka.bootstrap, name, [b"b", b"c"])
            await collector.expect(["a", "b", "c"])
            await until(lambda: lags() == [0.0, 0.0])
            async with transaction(kafka.bootstrap, name, [b"d"]) as producer:
                await asyncio.sleep(6)  # the client would be made anew
                assert lags() == [0.0, 0.0]
                assert member.ready() is None
                await producer.commit_transaction()
            await collector.expect(["a", "b", "c", "d"])
            await until(lambda: lags() == [0.0, 0.0])
    assert "consumer_is_deaf" not in {line["event"] for line in logs}
