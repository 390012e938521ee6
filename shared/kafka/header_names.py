"""What a fetch brought, taken apart so that no batch stops or fills a consumer: bounded, and with any header name.

Headers with names that are not UTF-8: other clients write them, the broker keeps them, aiokafka cannot read them.

aiokafka 0.14 decodes the names strictly and raises in the middle of a poll; the record could never be passed. Here
such a batch is taken apart a second time by aiokafka's own Python code, with U+FFFD for what is no UTF-8. That code
reads lengths by a function in C that checks no bounds, and ends the process where a length points beyond the batch; so
it is given the one in Python.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint_py

from shared.kafka.bounded_batches import (
    FETCH_INFLATED_BYTES,
    SkippedBatch,
    SkippedRecord,
    Turn,
    codec_of,
    inspect_batch,
)

LENGTH_AT = 8
OVERHEAD = 12
TURN: Final = Turn()


def read_any_header_name() -> None:
    """From now on the consumers of this process read such records too."""
    vars(fetcher)["MemoryRecords"] = partial(PatientRecords, turn=TURN)


class PatientRecords:
    """What one fetch brought of a partition: batches, as aiokafka's `MemoryRecords` gives them.

    Read in aiokafka 0.14, and relied upon here: where `has_next` is False, the rest is thrown away and fetched again.
    Only the first answer must be that of the fetch: without a batch it would count as a record that is too large, and
    be passed over.
    """

    __slots__ = ("_at", "_data", "_inflated", "_is_new", "_records", "_turn")

    def __init__(self, data: bytes, turn: Turn | None = None) -> None:
        self._data = data
        self._turn = turn
        self._at = 0
        self._inflated = 0
        self._is_new = True
        self._records = MemoryRecords(data)

    def has_next(self) -> bool:
        """Whether another whole batch is there, and may be inspected now."""
        if self._is_new:
            self._is_new = False
            return self._records.has_next()
        return self._inflated < FETCH_INFLATED_BYTES and self._records.has_next() and not self._waits()

    def _waits(self) -> bool:
        return self._turn is not None and codec_of(self._data, self._at) != 0 and self._turn.is_over

    def size_in_bytes(self) -> int:
        """Of all of it, a batch that was cut off included."""
        return self._records.size_in_bytes()

    def next_batch(self) -> "PatientBatch":
        """The next batch."""
        begin = self._at
        length = int.from_bytes(self._data[begin + LENGTH_AT : begin + OVERHEAD], "big")
        self._at = begin + OVERHEAD + length
        batch: Any = self._records.next_batch()
        found = inspect_batch(self._data[begin : self._at])
        if self._turn is not None and found.inflated_bytes:
            self._turn.spend(found.inflated_bytes)
        if found.refusal is not None:
            skipped = SkippedBatch.of(
                self._data[begin : self._at], batch.base_offset, batch.next_offset - 1, found.refusal
            )
            return PatientBatch(batch, self._data, begin, self._at, SkippedRecord(batch, skipped))
        self._inflated += found.inflated_bytes
        return PatientBatch(batch, self._data, begin, self._at)


class PatientBatch:
    """A batch that passes everything on to aiokafka's, and reads its records twice if need be."""

    __slots__ = ("_batch", "_begin", "_data", "_end", "_skipped")

    def __init__(
        self, batch: Any, data: bytes, begin: int, end: int, skipped: SkippedRecord | None = None
    ) -> None:
        self._skipped = skipped
        self._batch = batch
        self._data = data
        self._begin = begin
        self._end = end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        if self._skipped is not None:
            return iter([self._skipped])
        try:
            return iter(list(self._batch))
        except UnicodeDecodeError:
            again: Any = _DefaultRecordBatchPy(self._data[self._begin : self._end])
            again._maybe_uncompress()
            again._buffer = _PatientBytes(again._buffer)
            again._read_msg = partial(again._read_msg, decode_varint_py)
            return iter(list(again))

    def __next__(self) -> Any:
        return next(self._batch)


class _PatientBytes(bytearray):
    """Bytes whose parts decode whatever they hold."""

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return found if isinstance(found, int) else _PatientBytes(found)

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)
