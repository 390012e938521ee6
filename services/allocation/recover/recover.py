"""`recover`: decisions that a restored database has lost are decided again, from the same facts to the same bytes.

A partition of decisions is a pure function of the same partition of facts, so its topic is asked for nothing but
the hashes. Each batch is one transaction of the service's own writer; it may be interrupted and given again.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Final

from services.allocation.append.writer import DecisionWriter
from services.allocation.inbox.facts import FactsInbox
from services.allocation.recover.topic_tail import ComparedLog, TopicTail
from services.allocation.settings import Settings
from shared.append.clock import system_clock
from shared.append.log import Head, require_partitions
from shared.contracts.decisions import ALLOCATION_SOURCE
from shared.contracts.facts import INTAKE_SOURCE
from shared.errors import CannotRecover, Held
from shared.inbox.positions import Position
from shared.kafka.aio_clients import AioKafkaClients
from shared.postgres import Connection, open_pool
from shared.recover.consent import Consent
from shared.recover.continuation import Standing, continuation, first_difference
from shared.recover.exclusive import exclusive
from shared.recover.foreign import ForeignRecords
from shared.recover.reading import TopicReader, open_reader
from shared.telemetry import Telemetry

APPLICATION: Final = "allocation recover"
POOL_SIZE: Final = 2


async def recover(settings: Settings, consent: Consent) -> AsyncIterator[str]:
    """Brings log, inbox and read models to where the topic of decisions is. Reports line by line, the plan first.

    Raises `NotConfirmed` with nothing changed, `CannotRecover`, and `Held` (a `Fork` above all); what was committed
    before is right and stays.
    """
    kafka = AioKafkaClients(settings.kafka_bootstrap, settings.topic(ALLOCATION_SOURCE))
    async with (
        exclusive(settings.database_url, ALLOCATION_SOURCE, APPLICATION) as connection,
        open_reader(kafka, batch_records=settings.batch_records) as facts,
        open_reader(kafka) as decisions,
    ):
        await require_partitions(connection, settings.partitions)
        for reader, source in ((facts, INTAKE_SOURCE), (decisions, ALLOCATION_SOURCE)):
            await reader.require_partitions(settings.topic(source), settings.partitions)
        pool = await open_pool(settings.database_url, application=APPLICATION, size=POOL_SIZE)
        try:
            log = ComparedLog()
            writer = DecisionWriter(pool, log, Telemetry(), lambda _: None, system_clock)
            heads = await log.heads(connection)
            topic = settings.topic(ALLOCATION_SOURCE)
            foreign = ForeignRecords()
            async for line in _plan(connection, decisions, topic, heads, foreign):
                yield line
            consent.confirmed(())
            consent.require()
            total, facts_foreign = 0, ForeignRecords()
            for partition, head in heads.items():
                standing = Standing(Position(head.sequence, head.hash))
                slices = continuation(
                    decisions, ALLOCATION_SOURCE, topic, partition, standing, ForeignRecords()
                )
                async with aclosing(slices):
                    log.tail = TopicTail(slices)
                    try:
                        await _decide_again(settings, facts, writer, log.tail, partition, facts_foreign)
                    except Held as held:
                        raise await first_difference(connection, decisions, topic, partition, held) from None
                if log.tail.found:
                    total += log.tail.found
                    yield f"partition {partition}: {log.tail.found} decisions are back"
            for line in (*facts_foreign.lines("skipped"), *foreign.warning(), *facts_foreign.warning()):
                yield line
            yield f"{total} decisions are back; each is the event that {settings.topic(ALLOCATION_SOURCE)} holds"
        finally:
            await pool.close()


async def _plan(
    connection: Connection,
    decisions: TopicReader,
    topic: str,
    heads: Mapping[int, Head],
    foreign: ForeignRecords,
) -> AsyncIterator[str]:
    """What would come back. Reads only; raises `Held` where the topic does not continue the log."""
    total = 0
    for partition, head in heads.items():
        standing = Standing(Position(head.sequence, head.hash))
        times: list[str] = []
        try:
            slices = continuation(decisions, ALLOCATION_SOURCE, topic, partition, standing, foreign)
            async for slice_ in slices:
                times = [*times[:1], slice_.records[0].envelope.time, slice_.records[-1].envelope.time]
                standing.position = slice_.reached
        except Held as held:
            raise await first_difference(connection, decisions, topic, partition, held) from None
        if lost := standing.position.sequence - head.sequence:
            total += lost
            yield (
                f"would bring back: partition {partition}: {lost} decisions, sequences {head.sequence + 1} to"
                f" {standing.position.sequence}, of facts recorded {times[0]} to {times[-1]}"
            )
    yield f"would bring back: {total} decisions in all, each decided again and compared with {topic}"
    for line in foreign.lines():
        yield line
    yield "would destroy: nothing"


async def _decide_again(
    settings: Settings,
    facts: TopicReader,
    writer: DecisionWriter,
    tail: TopicTail,
    partition: int,
    foreign: ForeignRecords,
) -> None:
    if not await tail.continues():
        return
    state = await writer.load(INTAKE_SOURCE, partition)
    inbox = FactsInbox(writer.append)
    topic = settings.topic(INTAKE_SOURCE)
    slices = continuation(facts, INTAKE_SOURCE, topic, partition, state, foreign)
    async with aclosing(slices):
        async for slice_ in slices:
            await inbox.apply([slice_])
            if not await tail.continues():
                return
    raise CannotRecover(
        f"partition {partition}: {settings.topic(ALLOCATION_SOURCE)} tells decisions beyond the last fact of"
        f" {settings.topic(INTAKE_SOURCE)} ({state.position.sequence}); recover intake first"
    )
