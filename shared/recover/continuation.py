"""What a topic holds of a log beyond a position: checked as an inbox checks it, sequence by sequence, hash by hash."""

import contextlib
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from shared.contracts.envelope import NO_HASH, decode, leaf_hash
from shared.errors import Fork, Held
from shared.inbox.log_partition_consumer import LogPartitionConsumer
from shared.inbox.positions import Position, S, Slice
from shared.kafka.clients import Records
from shared.postgres import Connection, named_queries
from shared.recover.foreign import ForeignRecords
from shared.recover.reading import TopicReader

QUERIES: Final = named_queries("shared.recover")
NO_EVENT: Final = "is no event of this partition's log"
NEVER_SECONDS: Final = float("inf")


@dataclass(slots=True)
class Standing:
    """How far a partition of a log was read."""

    position: Position


BEGINNING: Final = Position(0, NO_HASH)


async def continuation(
    reader: TopicReader, source: str, topic: str, partition: int, state: S, foreign: ForeignRecords
) -> AsyncGenerator[Slice[S]]:
    """The slices that follow `state.position`. Whoever takes one moves the position before the next.

    What stands at or before the position is passed over, the event at the position itself is compared. A record that is
    no event of this log is passed over as well, and added to `foreign`: the events behind it are proven by the chain,
    and the topic may be the only place that still has them. Raises `Fork` and `Gap`.
    """
    partition_consumer: LogPartitionConsumer[S] = LogPartitionConsumer(
        source, topic, partition, state, stall_seconds=NEVER_SECONDS
    )
    begin, end = await reader.extent(topic, partition)
    partition_consumer.search()
    async for records in reader.batches(topic, partition, begin, end):
        events = []
        for record in records:
            if partition_consumer.is_event(record):
                events.append(record)
            else:
                foreign.add(record, NO_EVENT)
        if not events:
            continue
        admitted = partition_consumer.admit(events, end)
        if admitted.slice is not None:
            yield admitted.slice
            partition_consumer.applied_slice(admitted.slice)
        if admitted.fault is not None:
            raise admitted.fault.held
    # The last offsets may hold no event: then no record has ended the search.
    if (held := partition_consumer.end_search()) is not None:
        raise held


async def first_difference(
    connection: Connection, reader: TopicReader, topic: str, partition: int, held: Held
) -> Held:
    """The first sequence at which the log in the database differs from the topic; `held` itself if none does."""
    begin, end = await reader.extent(topic, partition)
    async for records in reader.batches(topic, partition, begin, end):
        seen = dict(_hashes(records, partition, held.source))
        kept = await connection.fetch(QUERIES["hashes_at"], partition, list(seen))
        for row in kept:
            if row["hash"] != seen[row["sequence"]]:
                reason = f"the topic has the hash {seen[row['sequence']].hex()}, the log {row['hash'].hex()}"
                return Fork(held.source, partition, row["sequence"], reason)
    return held


def _hashes(records: Records, partition: int, source: str) -> Iterator[tuple[int, bytes]]:
    """By sequence; what is no event of this log is left out."""
    prefix = f"{source}-{partition:02d}-"
    for record in records:
        value = record.value or b""
        with contextlib.suppress(msgspec.DecodeError, ValueError):
            envelope = decode(value)
            if envelope.id.startswith(prefix):
                yield int(envelope.sequence), leaf_hash(value)
