"""What the inbox remembers of an assigned partition: its consumer, and whether it is taken back for a while."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, NamedTuple, TypeVar

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from shared.errors import Conflict, Gap, Held, Unavailable
from shared.inbox.topic_policy import PartitionConsumer, RecordSlice
from shared.kafka.poller import is_unreadable
from shared.postgres import TRANSIENT_ERRORS
from shared.runtime.backoff import Backoff

L = TypeVar("L", bound=RecordSlice)

FIRST_RETRY_SECONDS: Final = 0.1
LONGEST_RETRY_SECONDS: Final = 5.0
FIRST_GAP_RETRY_SECONDS: Final = 1.0
LONGEST_GAP_RETRY_SECONDS: Final = 60.0
HELD_RETRY_SECONDS: Final = 30.0

_log = structlog.get_logger("rahnama.inbox")


class HeldPartition(NamedTuple):
    """A partition that cannot go on, for operators: where it stands, why, and how often it was tried."""

    source: str
    partition: int
    sequence: int
    code: str
    reason: str
    tries: int


class InboxPosition(NamedTuple):
    """How far one (source, partition) was applied, and how far its topic goes."""

    source: str
    partition: int
    applied: int
    newest: int


@dataclass(slots=True)
class AssignedPartition(Generic[L]):
    """One assigned partition.

    While `due` is set the partition is paused until then (seconds of the loop's clock). `sought_at` numbers the last
    seek: records that left the buffer before it are passed over, for they will be read again. `applied` outlives the
    `consumer`, for alarms; so does `ahead_of`, the topic's last sequence when the position is beyond it; `opened` is
    whether there ever was one. `read_to` is the offset at which Kafka's consumer reads on, as far as it was given records or sought; None: where Kafka's hint is, or the topic's beginning. `heard` is when
    the consumer last gave records or could not have given any; a topic that is read again does not change it.
    `unread` is whether the consumer itself has not read to the topic's end, as far as the last look knows.
    `newest` outlives `consumer`, too; `seen_newest` is the same as the watch sees it while the partition is held. The
    last three are seconds since 1970: when the partition became ours, the time of the last record that was applied, and when last nothing waited; 0 while there is none.
    """

    place: TopicPartition
    source: str
    consumer: PartitionConsumer[L] | None = None
    opened: bool = False
    applied: int = 0
    due: float | None = None
    held: Held | None = None
    failures: int = 0
    sought_at: int = 0
    read_to: int | None = None
    last_record: float = 0.0
    heard: float = 0.0
    newest: int = 0
    seen_newest: int = 0
    unread: bool = True
    ahead_of: int | None = None
    assigned_at: float = 0.0
    applied_at: float = 0.0
    level_at: float = 0.0
    labels: Mapping[str, str | int] = field(init=False)

    def __post_init__(self) -> None:
        self.labels = {"source": self.source, "partition": self.place.partition}

    def ahead_trouble(self) -> str | None:
        """For a person to read, if the position is beyond the topic's end."""
        if self.ahead_of is None:
            return None
        return (
            f"partition {self.place.partition} of {self.source} was applied to sequence {self.applied}, but its"
            f" topic ends at {self.ahead_of}: foreign events were applied, or the topic lost its end"
        )

    def lag(self) -> int:
        """How many records are not applied, as far as the topic's end is known; held partitions tell it too."""
        if self.consumer is not None:
            self.newest = self.consumer.newest
        return max(0, self.newest - self.applied, self.seen_newest - self.applied)

    def lag_seconds(self, now: float) -> float:
        """For how long the oldest of them has waited at most; before any was applied, since the assignment."""
        if self.lag() == 0:
            return 0.0
        return max(0.0, now - (max(self.level_at, self.applied_at) or self.assigned_at))

    def looked(self, now: float) -> None:
        """The topic's end is known as of now."""
        if self.lag() == 0:
            self.level_at = now

    def went_to(self, timestamp_ms: int, now: float) -> None:
        """A record of that time was applied: what is not applied is younger."""
        self.applied_at = timestamp_ms / 1000
        self.looked(now)

    def compared(self) -> None:
        """The topic's end was compared with the position: reports a position that is beyond it, once."""
        ahead_of = None if self.consumer is None else self.consumer.ahead_of
        if ahead_of is not None and self.ahead_of is None:
            _log.error(
                "consumer_ahead", source=self.source, partition=self.place.partition, applied=self.applied,
                topic_ends_at=ahead_of,
            )  # fmt: skip
        self.ahead_of = ahead_of

    def retry_seconds(self) -> float:
        """How long to wait before the next try; call it once for each failure."""
        self.failures += 1
        if isinstance(self.held, Gap):
            return Backoff(FIRST_GAP_RETRY_SECONDS, LONGEST_GAP_RETRY_SECONDS, self.failures).seconds
        if self.held is not None:
            return HELD_RETRY_SECONDS
        return Backoff(FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS, self.failures).seconds


def passes(error: Exception) -> bool:
    """Whether a fault is worth trying again for ever: it lies in the servers or in another writer."""
    if isinstance(error, KafkaError):
        return not is_unreadable(error)
    return isinstance(error, (*TRANSIENT_ERRORS, Unavailable, Conflict))
