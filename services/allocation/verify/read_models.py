"""The read models replayed beside the served ones, from the facts on their topic and the decisions in the own log."""

import asyncio
from typing import Final

from services.allocation.recover.decided import QUERIES
from services.allocation.recover.replay import PartitionReplay
from services.allocation.settings import Settings
from shared.contracts.decisions import ALLOCATION_SOURCE
from shared.contracts.facts import INTAKE_SOURCE
from shared.errors import CannotRecover, Held
from shared.inbox.records import Position
from shared.postgres import Connection
from shared.recover.reading import TopicReader, open_reader
from shared.service.resources import Resources
from shared.verification.findings import MOST_DIFFERENCES, ReadModelReport, RowDifference
from shared.verification.log_ends import check_ends
from shared.verification.shadow import PAGE_RECORDS, Pace, compare, shadow_tables

APPLICATION: Final = "allocation verification"
TABLES: Final = ("mentors", "mentor_loads", "counters", "enrolments")


async def verify_read_models(settings: Settings, resources: Resources) -> ReadModelReport:
    """Replays every partition up to the inbox's position of one snapshot, and compares every column of every row."""
    began = asyncio.get_running_loop().time()
    batch = min(PAGE_RECORDS, settings.batch_records)
    async with (
        shadow_tables(resources.connect, APPLICATION, TABLES) as connection,
        open_reader(resources.kafka, batch_records=batch) as reader,
    ):
        differences = await check_ends(connection, settings.partitions)
        facts, unreplayed = await _replay(connection, reader, settings)
        differences += unreplayed
        rows = {}
        for table in TABLES:
            rows[table], found = await compare(connection, table)
            differences += found
    seconds = round(asyncio.get_running_loop().time() - began, 3)
    return ReadModelReport(facts, rows, differences[:MOST_DIFFERENCES], seconds)


async def _replay(
    connection: Connection, reader: TopicReader, settings: Settings
) -> tuple[int, list[RowDifference]]:
    """How many facts were evolved, and the partitions whose facts, decisions and position do not fit each other."""
    pace, facts, found = Pace(), 0, list[RowDifference]()
    positions = await connection.fetch(QUERIES["inbox"])
    expected = {(INTAKE_SOURCE, partition) for partition in range(settings.partitions)}
    there = {(row["source"], row["partition"]) for row in positions}
    for source, partition in sorted(there ^ expected):
        message = "the row is missing" if (source, partition) in expected else "there is no such partition"
        found.append(RowDifference("inbox", {"source": source, "partition": str(partition)}, (), message))
    for row in positions:
        if (row["source"], row["partition"]) not in expected:
            continue
        position = Position(row["sequence"], row["hash"])
        replay = PartitionReplay(connection, row["partition"], position, pace.rest)
        try:
            await replay.run(reader, settings.topic(INTAKE_SOURCE), row["head"] or 0)
        except (CannotRecover, Held) as error:
            key = {"source": INTAKE_SOURCE, "partition": str(row["partition"])}
            message = f"the position, the facts and the decisions of {ALLOCATION_SOURCE} do not fit: {error}"
            found.append(RowDifference("inbox", key, ("sequence", "hash"), message))
        facts += position.sequence
    return facts, found
