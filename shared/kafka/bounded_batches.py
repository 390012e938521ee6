"""Compressed batches are inflated to a bound, regardless of the sizes they claim: a record of 200 MiB of zeros is 6 KB on the wire.

aiokafka inflates a batch in one piece and without a limit. So each compressed batch is first inflated as a stream that
is thrown away, up to `INFLATED_BYTES`; sizes in headers are not trusted. One that exceeds the bound is never taken
apart: in its place there is one record, at its last offset, whose value is a `SkippedBatch`.
"""

import hashlib
import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import cramjam
import lz4.frame
import zstandard

INFLATED_BYTES: Final = 4 * 1024 * 1024
"""Of one batch: twice the largest that any of our topics accepts uncompressed."""
FETCH_INFLATED_BYTES: Final = 1024 * 1024
"""After so many of one partition the rest of a fetch is left, and fetched again."""
PIECE_BYTES: Final = 64 * 1024
WINDOW_BYTES: Final = 128 * 1024 * 1024
"""Of zstd: the largest that its own tools use. Only what is inflated of it takes memory."""
INFLATION_ERRORS: Final = (
    zlib.error, EOFError, RuntimeError, ValueError, OSError, zstandard.ZstdError, cramjam.DecompressionError,
)  # fmt: skip
XERIAL_MAGIC: Final = b"\x82SNAPPY\x00"
XERIAL_HEADER_BYTES: Final = 16
HEADER_BYTES: Final = 61
"""Of a record batch, magic 2 (KIP-98); what follows is compressed."""
ATTRIBUTES_AT: Final = 21
MAGIC_AT: Final = 16
CODEC_MASK: Final = 0x07


class SkippedBatch(bytes):
    """In place of a batch that inflates beyond the bound: the SHA-256 of its compressed bytes, and what it was.

    Only this module makes one, so that no sender can claim to be it.
    """

    first_offset: int
    last_offset: int
    compressed_bytes: int

    @classmethod
    def of(cls, batch: bytes, first_offset: int, last_offset: int) -> "SkippedBatch":
        """`batch` is the whole batch as it was fetched."""
        made = cls(hashlib.sha256(batch).digest())
        made.first_offset, made.last_offset, made.compressed_bytes = first_offset, last_offset, len(batch)
        return made


def inflated_bytes(batch: bytes, limit: int = INFLATED_BYTES) -> int | None:
    """How long a compressed batch's records are, uncompressed; 0 for one that is not compressed.

    None if that is more than `limit`, or if it cannot be inflated as a stream.
    """
    if len(batch) < HEADER_BYTES or batch[MAGIC_AT] < 2:
        return 0
    inflate = _CODECS.get(batch[ATTRIBUTES_AT + 1] & CODEC_MASK)
    if inflate is None:
        return 0
    total = 0
    try:
        for count in inflate(memoryview(batch)[HEADER_BYTES:]):
            total += count
            if total > limit:
                return None
    except INFLATION_ERRORS:
        return None
    return total


def _gzip(payload: memoryview) -> Iterator[int]:
    rest: bytes | memoryview = payload
    while rest:
        stream = zlib.decompressobj(wbits=31)
        while not stream.eof and rest:
            yield len(stream.decompress(rest, PIECE_BYTES))
            rest = stream.unconsumed_tail
            if not rest and not stream.eof:
                return
        rest = stream.unused_data


def _snappy(payload: memoryview) -> Iterator[int]:
    """The length before each block is what the decoder allocates; it refuses a block that is longer."""
    if bytes(payload[: len(XERIAL_MAGIC)]) != XERIAL_MAGIC:
        yield cramjam.snappy.decompress_raw_len(bytes(payload))
        return
    at = XERIAL_HEADER_BYTES
    while at < len(payload):
        length = int.from_bytes(payload[at : at + 4], "big")
        at += 4 + length
        yield cramjam.snappy.decompress_raw_len(bytes(payload[at - length : at]))


def _lz4(payload: memoryview) -> Iterator[int]:
    rest = bytes(payload)
    while rest:
        stream = lz4.frame.LZ4FrameDecompressor()
        while not stream.eof:
            found = len(stream.decompress(rest, max_length=PIECE_BYTES))
            yield found
            rest = b""
            if not found and stream.needs_input:
                return
        rest = stream.unused_data or b""


def _zstd(payload: memoryview) -> Iterator[int]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES)
    with decompressor.stream_reader(io.BytesIO(payload), read_across_frames=True) as stream:
        while piece := stream.read(PIECE_BYTES):
            yield len(piece)


_CODECS: Final[Mapping[int, Callable[[memoryview], Iterator[int]]]] = {
    1: _gzip,
    2: _snappy,
    3: _lz4,
    4: _zstd,
}


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
