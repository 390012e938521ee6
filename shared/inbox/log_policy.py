"""The topic policy of the internal logs: what a service loads, compares and applies of them."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Generic

import msgspec
from aiokafka import TopicPartition

from shared.contracts.envelope import decode
from shared.inbox.log_partition_consumer import LogPartitionConsumer
from shared.inbox.positions import S, Slice, load_positions
from shared.inbox.topic_look import TopicLook
from shared.inbox.topic_policy import Admitted, PartitionConsumer
from shared.kafka.clients import Record
from shared.postgres import Pool

AppliedHashes = Callable[[str, int, Collection[int]], Awaitable[Mapping[int, bytes]]]
"""The hashes of applied events of one (source, partition), by sequence, as far as the service keeps them."""


class LogPolicy(Generic[S]):
    """The internal logs that one service reads. `topics` maps a source to its topic; `apply` is the service's transaction."""

    def __init__(
        self,
        topics: Mapping[str, str],
        load: Callable[[str, int], Awaitable[S]],
        apply: Callable[[Sequence[Slice[S]]], Awaitable[None]],
        hashes: AppliedHashes,
        pool: Pool,
        *,
        stall_seconds: float,
    ) -> None:
        self._sources = {topic: source for source, topic in topics.items()}
        self._load = load
        self.apply = apply
        self._hashes = hashes
        self._pool = pool
        self._stall_seconds = stall_seconds

    async def open(
        self, place: TopicPartition, look: TopicLook
    ) -> tuple[LogPartitionConsumer[S], int | None]:
        """Loads the state. Where to read on is Kafka's hint: the sequences show whether it was right."""
        source = self._sources[place.topic]
        state = await self._load(source, place.partition)
        partition_consumer = LogPartitionConsumer(
            source, place.topic, place.partition, state, stall_seconds=self._stall_seconds
        )
        return partition_consumer, None

    async def compare(
        self, partition_consumer: PartitionConsumer[Slice[S]], admitted: Admitted[Slice[S]]
    ) -> Admitted[Slice[S]]:
        """Asks for the hashes that were applied; what the service does not keep any more is not compared."""
        if not isinstance(partition_consumer, LogPartitionConsumer):
            raise AssertionError("a log's consumer is a LogPartitionConsumer")
        sequences = {repeat.sequence for repeat in admitted.repeats}
        applied = await self._hashes(partition_consumer.source, partition_consumer.partition, sequences)
        for repeat in admitted.repeats:
            kept = applied.get(repeat.sequence)
            if kept is not None and (fault := partition_consumer.compared(repeat, kept)) is not None:
                return partition_consumer.cut(admitted, fault)
        return admitted

    def source(self, topic: str) -> str:
        """The log that travels on `topic`."""
        return self._sources[topic]

    def newest(self, end: int, record: Record | None) -> int:
        """The last record's sequence."""
        try:
            return int(decode(record.value or b"").sequence) if record is not None else 0
        except (msgspec.DecodeError, ValueError):
            return 0

    def offset_of(self, piece: Slice[S], sequence: int) -> int:
        """Where the event with `sequence` stands."""
        return next(
            (item.offset for item in piece.records if item.sequence == sequence), piece.records[0].offset
        )

    async def applied(self) -> Mapping[tuple[str, int], int]:
        """Every position of this service."""
        async with self._pool.acquire() as connection:
            return {key: position.sequence for key, position in (await load_positions(connection)).items()}
