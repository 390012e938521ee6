"""Batches are bounded before they are taken apart, regardless of the sizes they claim: a record of 200 MiB of zeros is 6 KB on the wire.

aiokafka inflates a batch in one piece and without a limit, and makes an object of each of its records. So each compressed
batch is first inflated as a stream that is thrown away, up to `INFLATED_BYTES`; sizes in headers are not trusted. One that
exceeds a bound is never taken apart: in its place there is one record, at its last offset, whose value is a `SkippedBatch`.
All of this happens without an await, so a `Turn` bounds how much of it a poll does before others have theirs.
"""

import asyncio
import hashlib
from enum import Enum
from typing import Any, Final, NamedTuple

from shared.kafka.inflation import INFLATION_ERRORS, inflate

INFLATED_BYTES: Final = 4 * 1024 * 1024
"""Of one batch: twice the largest that any of our topics accepts uncompressed."""
BATCH_RECORDS: Final = 20_000
"""In one batch: 4 MiB of the shortest valid events, some 200 bytes each. The shortest records have 7 bytes."""
FETCH_INFLATED_BYTES: Final = 1024 * 1024
"""After so many of one partition the rest of a fetch is left, and fetched again."""
TURN_INFLATED_BYTES: Final = 16 * 1024 * 1024
"""After so many of all partitions, of skipped batches too, no compressed batch is begun before the event loop ran."""
HEADER_BYTES: Final = 61
"""Of a record batch, magic 2 (KIP-98); what follows is compressed."""
ATTRIBUTES_AT: Final = 21
MAGIC_AT: Final = 16
KIP_98_MAGIC: Final = 2
SIGN_BIT: Final = 0x80
RECORD_COUNT_AT: Final = 57
CODEC_MASK: Final = 0x07


class Refusal(Enum):
    """Why a batch is not taken apart."""

    TOO_LARGE = "it inflates to more than INFLATED_BYTES"
    TOO_MANY_RECORDS = "it claims more than BATCH_RECORDS"
    UNREADABLE = "it cannot be inflated to its end"


class Inspection(NamedTuple):
    """What inflating a batch took; `refusal` is None for one that may be taken apart."""

    inflated_bytes: int
    refusal: Refusal | None = None


class SkippedBatch(bytes):
    """In place of a batch beyond a bound: the SHA-256 of its compressed bytes, and what it was.

    Only this module makes one, so that no sender can claim to be it.
    """

    first_offset: int
    last_offset: int
    compressed_bytes: int
    refusal: Refusal

    @classmethod
    def of(cls, batch: bytes, first_offset: int, last_offset: int, refusal: Refusal) -> "SkippedBatch":
        """`batch` is the whole batch as it was fetched."""
        made = cls(hashlib.sha256(batch).digest())
        made.first_offset, made.last_offset, made.compressed_bytes = first_offset, last_offset, len(batch)
        made.refusal = refusal
        return made


class Turn:
    """How much was inflated since the event loop last ran: none of that lets a heartbeat or a request through.

    One is shared by all consumers of a process.
    """

    def __init__(self, limit: int = TURN_INFLATED_BYTES) -> None:
        self._limit = limit
        self._inflated = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_over(self) -> bool:
        """Whether the next compressed batch waits for the event loop."""
        return self._inflated >= self._limit and self._loop is asyncio.get_running_loop()

    def spend(self, inflated_bytes: int) -> None:
        """Counts inflated bytes, also those of a skipped batch."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._inflated = loop, 0
            loop.call_soon(self._end)
        self._inflated += inflated_bytes

    def _end(self) -> None:
        self._loop = None


def inspect_batch(
    batch: bytes, most_bytes: int = INFLATED_BYTES, most_records: int = BATCH_RECORDS
) -> Inspection:
    """Inflates a compressed batch up to a bound and keeps nothing of it; 0 bytes for one that is not compressed."""
    # aiokafka reads the magic byte signed, and takes what is below 2 for a batch of before KIP-98.
    if len(batch) < HEADER_BYTES or not KIP_98_MAGIC <= batch[MAGIC_AT] < SIGN_BIT:
        return Inspection(0)
    if int.from_bytes(batch[RECORD_COUNT_AT:HEADER_BYTES], "big", signed=True) > most_records:
        return Inspection(0, Refusal.TOO_MANY_RECORDS)
    inflated = 0
    try:
        for count in inflate(codec_of(batch), memoryview(batch)[HEADER_BYTES:]):
            inflated += count
            if inflated > most_bytes:
                return Inspection(min(inflated, most_bytes), Refusal.TOO_LARGE)
    except INFLATION_ERRORS:
        return Inspection(inflated, Refusal.UNREADABLE)
    return Inspection(inflated)


def codec_of(data: bytes, begin: int = 0) -> int:
    """The codec's number of the batch that begins there; 0 for one that is not compressed."""
    at = begin + ATTRIBUTES_AT + 1
    return data[at] & CODEC_MASK if at < len(data) else 0


class SkippedRecord:
    """A record as aiokafka's batches give them."""

    __slots__ = ("checksum", "headers", "key", "offset", "timestamp", "timestamp_type", "value")

    def __init__(self, batch: Any, value: SkippedBatch) -> None:
        self.offset = value.last_offset
        self.timestamp = batch.max_timestamp
        self.timestamp_type = batch.timestamp_type
        self.key: bytes | None = None
        self.value = value
        self.headers: list[tuple[str, bytes]] = []
        self.checksum: int | None = None
