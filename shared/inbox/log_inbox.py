"""The inbox of the internal logs: other services' events, in order, each applied exactly once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic

from shared.inbox.assigned_partition import InboxPosition
from shared.inbox.garbage import GarbagePacer
from shared.inbox.group import GroupMember
from shared.inbox.log_partition_consumer import LogPartitionConsumer
from shared.inbox.log_policy import AppliedHashes, LogPolicy
from shared.inbox.positions import S, Slice
from shared.kafka.clients import KafkaClients
from shared.kafka.polling import Polling
from shared.postgres import Pool

__all__ = ["InboxPosition", "LogInbox"]


class LogInbox(GroupMember[Slice[S]], Generic[S]):
    """Reads logs from Kafka and applies them by the service's two functions.

    `topics` maps a source (`intake`) to its topic. `load(source, partition)` builds the state of a partition from
    the database, with its `position`. `apply(slices)` is ONE transaction: it calls
    `shared.inbox.positions.move_positions(connection, slices)`, writes the effects, commits, and only then sets
    `slice.state.position = slice.reached` of every slice. It may raise `Unapplicable` to name a record that it cannot
    apply: those before it are applied, and the partition is held. `StalePosition` and `TRANSIENT_ERRORS` are let
    through. `hashes(source, partition, sequences)` gives those of events that were applied, with which repeats are
    compared. After any exception the states are discarded and loaded again.
    """

    def __init__(
        self,
        kafka: KafkaClients,
        group: str,
        topics: Mapping[str, str],
        load: Callable[[str, int], Awaitable[S]],
        apply: Callable[[Sequence[Slice[S]]], Awaitable[None]],
        hashes: AppliedHashes,
        pool: Pool,
        *,
        polling: Polling | None = None,
        stall_seconds: float = 5.0,
        pacer: GarbagePacer | None = None,
    ) -> None:
        super().__init__(
            kafka,
            group,
            topics.values(),
            LogPolicy(topics, load, apply, hashes, pool, stall_seconds=stall_seconds),
            polling=polling or Polling(),
            watch_seconds=stall_seconds / 5,
            pacer=pacer,
        )

    def states(self) -> list[S]:
        """What the service keeps in memory of the partitions that are read here now."""
        partition_consumers = [assigned.consumer for assigned in self._partitions]
        return [
            partition_consumer.state
            for partition_consumer in partition_consumers
            if isinstance(partition_consumer, LogPartitionConsumer)
        ]
