"""What the inbox hands to a service: the next events of each partition, checked, with the state they apply to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

from shared.contracts.envelope import Envelope


class Position(NamedTuple):
    """The last applied event of a (source, partition): its sequence, and its hash (32 bytes)."""

    sequence: int
    hash: bytes


class PartitionState(Protocol):
    """What a service keeps in memory for one (source, partition), with the position at which it was built.

    The object that holds the state holds the position: they are moved together and discarded together.
    """

    position: Position


S = TypeVar("S", bound=PartitionState)


class Received(msgspec.Struct, frozen=True, gc=False):
    """One event as it came from Kafka. `value` are its exact bytes, `hash` its leaf hash.

    `traceparent` is the W3C header, or None; `timestamp_ms` is Kafka's, milliseconds since 1970.
    """

    offset: int
    timestamp_ms: int
    value: bytes
    envelope: Envelope
    sequence: int
    hash: bytes
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class Slice(Generic[S]):
    """The next events of one (source, partition): dense from `state.position`, chained, never empty."""

    source: str
    topic: str
    partition: int
    state: S
    records: Sequence[Received]

    @property
    def reached(self) -> Position:
        """The position after the slice."""
        last = self.records[-1]
        return Position(last.sequence, last.hash)
