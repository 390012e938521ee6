"""What the inbox asks of a topic's rules: which records come next, and where a partition is read on.

Two kinds of topic run on the same machinery: the internal logs (`shared.inbox.log_partition_consumer`), where nothing is ever
skipped, and `rahnama.inbound`, where any record is accepted and a position is an offset.
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from aiokafka import TopicPartition

from shared.errors import Held
from shared.kafka.clients import Record, Records

if TYPE_CHECKING:
    from shared.inbox.topic_look import TopicLook


class RecordSlice(Protocol):
    """Some records of one partition that can be applied."""

    @property
    def records(self) -> Sequence[object]:
        """In their order; never empty."""


L = TypeVar("L", bound=RecordSlice)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a partition cannot go on, and the offset at which it is to be read on (None: where it stands).

    `search` means that the topic is to be read again from its beginning first: what is missing may stand there.
    """

    held: Held
    offset: int | None
    search: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """A record at a sequence that was applied in an earlier batch: it must have the hash that was applied."""

    offset: int
    sequence: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Admitted(Generic[L]):
    """The part of some records that can be applied now, and what stands behind it, if anything does.

    `repeats` are among them, and not compared yet.
    """

    slice: L | None
    fault: Fault | None
    repeats: Sequence[Repeat] = ()


@dataclass(frozen=True, slots=True)
class Ends:
    """A look at a topic partition: its first offset, the one after its last, and for how many seconds no record came.

    `read_to` is the offset at which the consumer reads on, markers of transactions included; None if it is not known.
    """

    begin: int
    end: int
    quiet_seconds: float
    read_to: int | None = None


class PartitionConsumer(Protocol[L]):
    """One assigned partition with its position and state; built from the database, discarded after any doubt."""

    source: str
    partition: int

    @property
    def applied(self) -> int:
        """The position: a sequence, or the next offset."""

    @property
    def newest(self) -> int:
        """The same for the topic's end, as far as it is known."""

    @property
    def ahead_of(self) -> int | None:
        """The topic's last sequence, when the position has been beyond it for a while; else None."""

    @property
    def searching(self) -> bool:
        """Whether it is being read from the beginning, for what comes next."""

    def admit(self, records: Records, end: int | None) -> Admitted[L]:
        """What can be applied of the next records as Kafka gave them. `end` is the topic's end as of their fetch."""

    def search(self) -> None:
        """From now on the records come from the topic's beginning."""

    def applied_slice(self, done: L) -> None:
        """The slice was committed."""

    def look_at(self, ends: Ends) -> int | None:
        """The offset of the record that is worth comparing with the position; None when all is known."""

    def looked(self, ends: Ends, record: Record | None) -> bool:
        """Whether the topic must be read again from its beginning, given the record at `look_at`'s offset."""


class TopicPolicy(Protocol[L]):
    """The rules of all topics that one consumer group reads."""

    async def open(self, place: TopicPartition, look: "TopicLook") -> tuple[PartitionConsumer[L], int | None]:
        """The consumer of a partition from the database, and the offset to read from; None: where Kafka's hint is."""

    async def compare(self, partition_consumer: PartitionConsumer[L], admitted: Admitted[L]) -> Admitted[L]:
        """What is left when the repeats were compared with what was applied: all before the first that differs."""

    def apply(self, slices: Sequence[L]) -> Awaitable[None]:
        """Applies and commits all of it in one transaction, or raises and nothing of it is applied."""

    def source(self, topic: str) -> str:
        """The word by which the topic is known in positions and alarms."""

    def newest(self, end: int, record: Record | None) -> int:
        """How far a topic partition goes that ends at `end` with `record`; 0 when that cannot be told."""

    def offset_of(self, piece: L, sequence: int) -> int:
        """The offset at which the record with `sequence` stands in a slice; that of its first if it is not in it."""

    async def applied(self) -> Mapping[tuple[str, int], int]:
        """The applied position of every (source, partition), from the database."""
