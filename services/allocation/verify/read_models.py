"""The read models replayed beside the served ones, from the facts on their topic and the decisions in the own log."""

import asyncio
from typing import Final

from services.allocation.recover.decided import QUERIES
from services.allocation.recover.replay import PartitionReplay, PositionDiffers
from services.allocation.settings import Settings
from shared.contracts.decisions import ALLOCATION_SOURCE
from shared.contracts.facts import INTAKE_SOURCE
from shared.errors import CannotRecover, Held
from shared.inbox.positions import Position
from shared.postgres import Connection
from shared.recover.reading import TopicReader, open_reader
from shared.service.resources import Resources
from shared.verification.findings import MOST_DIFFERENCES, TOPIC, ReadModelReport, RowDifference
from shared.verification.log_ends import check_ends
from shared.verification.shadow import PAGE_RECORDS, Pace, compare, shadow_tables

APPLICATION: Final = "allocation verification"
TABLES: Final = ("mentors", "mentor_loads", "counters", "enrolments")


async def verify_read_models(settings: Settings, resources: Resources) -> ReadModelReport:
    """Replays every partition up to the inbox's position of one snapshot, and compares every column of every row.

    Rows of a partition that cannot be replayed are not compared; the report names what stopped it, and is not complete.
    """
    began = asyncio.get_running_loop().time()
    batch = min(PAGE_RECORDS, settings.batch_records)
    async with (
        shadow_tables(resources.connect, APPLICATION, TABLES) as connection,
        open_reader(resources.kafka, batch_records=batch) as reader,
    ):
        differences = await check_ends(connection, settings.partitions)
        facts, stopped = await _replay(connection, reader, settings, differences)
        rows = {}
        for table in TABLES:
            rows[table], found = await compare(connection, table, without_partitions=stopped)
            differences += found
    seconds = round(asyncio.get_running_loop().time() - began, 3)
    return ReadModelReport(facts, rows, differences[:MOST_DIFFERENCES], seconds, complete=not stopped)


async def _replay(
    connection: Connection, reader: TopicReader, settings: Settings, found: list[RowDifference]
) -> tuple[int, list[int]]:
    """How many facts were evolved, and the partitions that could not be replayed, whose reasons are added to `found`."""
    pace, facts, stopped, topic = Pace(), 0, list[int](), settings.topic(INTAKE_SOURCE)
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
            async with (
                connection.transaction()
            ):  # what is replayed of a partition is there whole, or not at all
                await replay.run(reader, topic, row["head"] or 0)
        except (CannotRecover, Held) as error:
            found.append(_difference(row["partition"], error, topic))
            stopped.append(row["partition"])
        else:
            facts += position.sequence
    return facts, stopped


def _difference(partition: int, error: CannotRecover | Held, topic: str) -> RowDifference:
    """Names the decision, the topic's record or the position that a replay could not get beyond."""
    if isinstance(error, Held) and not isinstance(error, PositionDiffers):
        place = {"partition": str(partition), "sequence": str(error.sequence)}
        if error.source == ALLOCATION_SOURCE:
            message = f"the decision cannot be evolved: {error.reason}"
            return RowDifference("log", place, ("value",), message)
        return RowDifference(
            TOPIC, {"topic": topic, **place}, (), f"the facts cannot be read on: {error.reason}"
        )
    key = {"source": INTAKE_SOURCE, "partition": str(partition)}
    message = f"the position, the facts on {topic} and the decisions do not fit each other: {error}"
    return RowDifference("inbox", key, ("sequence", "hash"), message)
