"""`rebuild`: the read models told again, from the facts on their topic and the decisions in the own log.

Nothing is decided: facts and decisions are evolved in the order in which they were applied. One transaction, so that
an interrupted rebuild has changed nothing.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Final

from services.allocation.decide import Cause, PartitionState, evolve, needs
from services.allocation.inbox.facts import cause_of
from services.allocation.project.load import load_students
from services.allocation.project.write import Funnels, write_changes
from services.allocation.recover.decided import QUERIES, Decided
from services.allocation.settings import Settings
from shared.append.log import require_partitions
from shared.contracts.decisions import ALLOCATION_SOURCE, StudentWaitlisted
from shared.contracts.facts import INTAKE_SOURCE
from shared.errors import CannotRecover, Fork
from shared.inbox.records import Position, Received, Slice
from shared.kafka.aio_clients import AioKafkaClients
from shared.postgres import Connection
from shared.recover.continuation import BEGINNING, Standing, continuation
from shared.recover.digests import compared, digest_tables
from shared.recover.exclusive import exclusive
from shared.recover.reading import TopicReader, open_reader

APPLICATION: Final = "allocation rebuild"
TABLES: Final = ("mentors", "mentor_loads", "counters", "enrolments")


async def rebuild(settings: Settings) -> AsyncIterator[str]:
    """Rewrites the four read models; tells of each table whether it is what it was.

    Raises `CannotRecover` and `Held` when facts and log do not lead to where the inbox stands; then nothing changed.
    """
    kafka = AioKafkaClients(settings.kafka_bootstrap)
    topic = settings.topic(INTAKE_SOURCE)
    async with (
        exclusive(settings.database_url, ALLOCATION_SOURCE, APPLICATION) as connection,
        open_reader(kafka, batch_records=settings.batch_records) as reader,
    ):
        await require_partitions(connection, settings.partitions)
        await reader.require_partitions(topic, settings.partitions)
        async with connection.transaction():
            before = await digest_tables(connection, TABLES)
            await connection.execute(QUERIES["empty_read_models"])
            facts = 0
            for row in await connection.fetch(QUERIES["positions"], INTAKE_SOURCE):
                position = Position(row["sequence"], row["hash"])
                facts += position.sequence
                await _Partition(connection, row["partition"], position).tell(reader, topic, row["head"])
            lines = list(compared(before, await digest_tables(connection, TABLES)))
        for line in lines:
            yield line
        yield f"the read models are told again from {facts} facts"


class _Partition:
    """One partition's way from its first fact to the position of the inbox."""

    def __init__(self, connection: Connection, number: int, position: Position) -> None:
        self._connection = connection
        self._number = number
        self._position = position
        self._state = PartitionState(number % 2)
        self._decided = Decided(connection, number)

    async def tell(self, reader: TopicReader, topic: str, head: int) -> None:
        """Evolves all that was applied, and writes what it comes to."""
        standing = Standing(BEGINNING)
        if self._position.sequence:
            slices = continuation(reader, INTAKE_SOURCE, topic, self._number, standing)
            async with aclosing(slices):
                async for slice_ in slices:
                    await self._apply(slice_)
                    standing.position = slice_.reached
                    if standing.position.sequence >= self._position.sequence:
                        break
        if standing.position.sequence < self._position.sequence:
            raise CannotRecover(
                f"partition {self._number}: {topic} ends at {standing.position.sequence}, but"
                f" {self._position.sequence} was applied; start intake, which fills it again, or recover intake"
            )
        await self._decided.require_end(head)

    async def _apply(self, slice_: Slice[Standing]) -> None:
        records = [record for record in slice_.records if record.sequence <= self._position.sequence]
        last = records[-1]
        if last.sequence == self._position.sequence and last.hash != self._position.hash:
            reason = f"its hash is {last.hash.hex()}, but {self._position.hash.hex()} was applied"
            raise Fork(INTAKE_SOURCE, self._number, last.sequence, reason)
        causes = [cause_of(slice_, record) for record in records]
        rows = await load_students(self._connection, [(self._number, needs(self._state, causes))])
        self._state.load(rows.get(self._number, ()))
        funnels: Funnels = {}
        for record, cause in zip(records, causes, strict=True):
            await self._evolve(record, cause, funnels)
        await write_changes(self._connection, [(self._number, self._state)], funnels)
        self._state.forget()

    async def _evolve(self, record: Received, cause: Cause, funnels: Funnels) -> None:
        evolve(self._state, cause, cause.fact)
        for decision in await self._decided.of(record.envelope.id):
            evolve(self._state, cause, decision)
            if isinstance(decision, StudentWaitlisted):
                funnels[self._number, cause.tenant, decision.year, decision.student_id] = decision.funnel
