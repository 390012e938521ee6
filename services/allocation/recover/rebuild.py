"""`rebuild`: the read models told again, from the facts on their topic and the decisions in the own log.

Nothing is decided: facts and decisions are evolved in the order in which they were applied. One transaction, so that
an interrupted rebuild has changed nothing.
"""

from collections.abc import AsyncIterator
from typing import Final

from services.allocation.recover.decided import QUERIES
from services.allocation.recover.replay import PartitionReplay
from services.allocation.settings import Settings
from shared.append.log import require_partitions
from shared.contracts.decisions import ALLOCATION_SOURCE
from shared.contracts.facts import INTAKE_SOURCE
from shared.inbox.positions import Position
from shared.kafka.aio_clients import AioKafkaClients
from shared.recover.digests import compared, digest_tables
from shared.recover.exclusive import exclusive
from shared.recover.reading import open_reader

APPLICATION: Final = "allocation rebuild"
TABLES: Final = ("mentors", "mentor_loads", "counters", "enrolments")


async def rebuild(settings: Settings) -> AsyncIterator[str]:
    """Rewrites the four read models; tells of each table whether it is what it was.

    Raises `CannotRecover` and `Held` when facts and log do not lead to where the inbox stands; then nothing changed.
    """
    kafka = AioKafkaClients(settings.kafka_bootstrap, settings.topic(ALLOCATION_SOURCE))
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
            facts, lines = 0, list[str]()
            for row in await connection.fetch(QUERIES["positions"], INTAKE_SOURCE):
                position = Position(row["sequence"], row["hash"])
                facts += position.sequence
                replay = PartitionReplay(connection, row["partition"], position)
                await replay.run(reader, topic, row["head"])
                lines += replay.foreign.lines("skipped")
            lines += compared(before, await digest_tables(connection, TABLES))
        for line in lines:
            yield line
        yield f"the read models are told again from {facts} facts"
