"""When a system is quiet, told by its tables and topics alone: nothing is on its way any more."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from shared.kafka.aio_clients import AioKafkaClients
from shared.postgres import TRANSIENT_ERRORS
from tests.faults.keys_topic import keys_topic_misses
from tests.invariants.chains import first_occurrences
from tests.invariants.reading import INBOUND, Servers, read_records, read_rows, read_topic

PAUSE_SECONDS: Final = 0.1

INTAKE: Final = """
select (select json_object_agg(partition, sequence) from log_head) as heads,
       (select json_object_agg(partition, next_offset) from inbound) as applied,
       (select count(*) from rejections where not published) as untold
"""
ALLOCATION: Final = """
select (select json_object_agg(partition, sequence) from log_head) as heads,
       (select json_object_agg(partition, sequence) from inbox where source = 'intake') as intake
"""
AUDIT: Final = """
select (select json_object_agg(partition, sequence) from inbox where source = 'intake') as intake,
       (select json_object_agg(partition, sequence) from inbox where source = 'allocation') as allocation
"""


class NotQuiescent(Exception):
    """It did not become quiet in time; the message says what was still missing."""


@dataclass
class Quiescence:
    """Looks for what is missing, over connections of its own that survive as long as the servers do."""

    servers: Servers

    async def wait(self, seconds: float, *, only_inbound: bool = False) -> None:
        """Returns when nothing is missing. Raises `NotQuiescent` after `seconds`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            try:
                missing = await self._missing(only_inbound)
            except (KafkaError, asyncpg.PostgresError, *TRANSIENT_ERRORS) as error:
                missing = f"an answer: {error!r}"
            if missing is None:
                return
            if loop.time() > deadline:
                raise NotQuiescent(f"not quiet after {seconds:.0f} s: {missing}")
            await asyncio.sleep(PAUSE_SECONDS)

    async def _missing(self, only_inbound: bool) -> str | None:
        intake = await self._row("intake", INTAKE)
        ends = await self._inbound_ends()
        for partition, end in ends.items():
            applied = intake["applied"].get(str(partition), 0)
            if end and applied != end:
                return f"intake applied {applied} of {end} in partition {partition} of rahnama.inbound"
        if only_inbound:
            return None
        if intake["untold"]:
            return f"{intake['untold']} rejections are not published"
        allocation, audit = await self._row("allocation", ALLOCATION), await self._row("audit", AUDIT)
        for reader, log, applied in (
            ("allocation", intake["heads"], allocation["intake"]),
            ("audit", intake["heads"], audit["intake"]),
            ("audit", allocation["heads"], audit["allocation"]),
        ):
            if behind := {p: (applied[p], end) for p, end in log.items() if applied[p] != end}:
                return f"{reader} is behind: {behind}"
        for source, heads in (("intake", intake["heads"]), ("allocation", allocation["heads"])):
            if (told := await self._topic_misses(source, heads)) is not None:
                return told
        return await self._keys_topic_misses()

    async def _keys_topic_misses(self) -> str | None:
        dsn = self.servers.dsns["intake"]
        async with asyncio.timeout(15):
            records = [
                record async for record in read_records(self.servers.bootstrap, self.servers.topic("keys"))
            ]
        keyed = await read_rows(dsn, "select tenant, subject from subject_keys")
        erased = await read_rows(dsn, "select tenant, subject from erasures")
        return keys_topic_misses(
            self.servers.master_key,
            records,
            [(row["tenant"], row["subject"]) for row in keyed],
            [(row["tenant"], row["subject"]) for row in erased],
        )

    async def _row(self, service: str, query: str) -> dict[str, Any]:
        connection = await asyncpg.connect(self.servers.dsns[service], timeout=5)
        try:
            row = await connection.fetchrow(query, timeout=5)
            assert row is not None
            return {
                name: msgspec.json.decode(cell) if isinstance(cell, str) else cell
                for name, cell in row.items()
            }
        finally:
            await connection.close(timeout=5)

    async def _inbound_ends(self) -> dict[int, int]:
        async with asyncio.timeout(10):
            consumer = await AioKafkaClients(self.servers.bootstrap).consumer()
            try:
                places = await _places(consumer, self.servers.topic_prefix + INBOUND)
                ends = await consumer.end_offsets(places)
                return {place.partition: end for place, end in ends.items()}
            finally:
                await consumer.stop()

    async def _topic_misses(self, source: str, heads: Mapping[str, int]) -> str | None:
        """The whole log stands on its topic, each event at least once, and in its order."""
        async with asyncio.timeout(15):
            topic = await read_topic(self.servers, source)
        for partition, head in heads.items():
            try:
                count = len(first_occurrences(f"partition {partition}", topic.get(int(partition), ())))
            except AssertionError as error:
                return f"the topic of {source} is not mended: {error}"
            if count != head:
                return f"the topic of {source} holds {count} of {head} events of partition {partition}"
        return None


async def _places(consumer: Any, topic: str) -> list[Any]:
    await consumer.topics()
    return [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
