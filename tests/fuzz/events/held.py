"""What may hold a partition of `rahnama.inbound`: exceptions of a fetch that cannot be taken apart, named one by one.

The consumer holds the partition for any exception that is not one of Kafka's servers, with an alarm and until a person acts.
So an exception that is not named here is a fault of the code that takes fetches apart, although it stops no other partition.
"""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Literal, NamedTuple

import cramjam
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError

from shared.kafka.poller import is_unreadable

Stage = Literal["batches", "records"]
"""A fetch is cut into its batches; then a batch is inflated and cut into its records."""


class Cause(NamedTuple):
    """An exception of exactly this type, whose message begins so."""

    error: type[Exception]
    message: str = ""


NEGATIVE_SIZE: Final = Cause(SystemError, "Negative size passed to PyBytes_FromStringAndSize")
"""aiokafka's C code cuts bytes by a length that the data names: one below 0 (of a key or a value in the format before
Kafka 0.11, or of the rest of a batch that is shorter than its own header) is refused by CPython."""

HOLDS: Final[Mapping[Stage, tuple[Cause, ...]]] = {
    "batches": (Cause(CorruptRecordException), NEGATIVE_SIZE),
    "records": (
        Cause(CorruptRecordException),  # a length beyond its batch, or bytes that are left over
        Cause(UnsupportedCodecError),
        Cause(cramjam.DecompressionError),  # snappy, lz4 and zstd
        Cause(EOFError, "Compressed file ended before the end-of-stream marker was reached"),
        Cause(gzip.BadGzipFile),
        Cause(zlib.error),
        NEGATIVE_SIZE,
        Cause(OverflowError, "new buffer size too large"),  # the negative size, handed to gzip
    ),
}


class PartitionHeld(Exception):
    """The consumer would hold the partition, for this cause. Its name is that of the exception and the stage."""

    def __init__(self, stage: Stage, error: Exception) -> None:
        super().__init__(f"{type(error).__name__} in its {stage}")


@contextmanager
def taking_apart(stage: Stage) -> Iterator[None]:
    """Raises `PartitionHeld` for a named exception; lets any other pass."""
    try:
        yield
    except Exception as error:
        if not is_unreadable(error) or not _is_named(stage, error):
            raise
        raise PartitionHeld(stage, error) from error


def _is_named(stage: Stage, error: Exception) -> bool:
    return any(type(error) is named and str(error).startswith(begin) for named, begin in HOLDS[stage])
