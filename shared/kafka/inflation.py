"""The codecs of Kafka's batches as streams: how much a payload inflates to, piece by piece, with nothing kept.

Each follows aiokafka's own decoder as far as it reads: through every member or frame, empty and skippable ones too, and
in snappy's framing through signed block lengths. What is cut off, malformed, or of far more parts than a producer
writes is an error, so that nothing is left uncounted which that decoder would inflate.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import cramjam
import lz4.frame
import zstandard

PIECE_BYTES: Final = 64 * 1024
WINDOW_BYTES: Final = 128 * 1024 * 1024
"""Of zstd: the largest that its own tools use. Only what is inflated of it takes memory."""
MEMBERS: Final = 64
"""Of gzip and lz4; a producer writes one. Each costs a copy of what follows it."""
XERIAL_HEADER: Final = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
"""Snappy's framing, in the only version that aiokafka reads as such; all else is one raw block."""
BLOCKS: Final = 4096
"""Of snappy's framing: 4 MiB in the smallest blocks that its encoders write (1 KiB; 32 KiB are usual)."""
INFLATION_ERRORS: Final = (
    zlib.error, EOFError, RuntimeError, ValueError, OSError, zstandard.ZstdError, cramjam.DecompressionError,
)  # fmt: skip


def inflate(codec: int, payload: memoryview) -> Iterator[int]:
    """The lengths of the pieces that a batch's payload inflates to; nothing for a codec that is none of Kafka's.

    Raises one of `INFLATION_ERRORS` where the payload cannot be followed to its end.
    """
    stream = _CODECS.get(codec)
    return iter(()) if stream is None else stream(payload)


def _gzip(payload: memoryview) -> Iterator[int]:
    rest: bytes | memoryview = payload
    for _ in range(MEMBERS):
        if not rest:
            return
        stream = zlib.decompressobj(wbits=31)
        while not stream.eof:
            if not rest:
                raise EOFError("a gzip member is cut off")
            yield len(stream.decompress(rest, PIECE_BYTES))
            rest = stream.unconsumed_tail
        rest = stream.unused_data.lstrip(b"\0")  # zeros may follow a member
    if rest:
        raise ValueError(f"more than {MEMBERS} gzip members")


def _snappy(payload: memoryview) -> Iterator[int]:
    """The length before each block is what the decoder allocates; it refuses a block that is longer."""
    header = len(XERIAL_HEADER)
    if len(payload) <= header or payload[:header] != XERIAL_HEADER:
        yield cramjam.snappy.decompress_raw_len(bytes(payload))
        return
    at = header
    for _ in range(BLOCKS):
        if at == len(payload):
            return
        if len(payload) < at + 4:
            raise EOFError("the length of a snappy block is cut off")
        length = int.from_bytes(payload[at : at + 4], "big", signed=True)
        at += 4 + length
        if length <= 0 or at > len(payload):
            raise ValueError("a snappy block that ends before it begins, or behind the payload")
        yield cramjam.snappy.decompress_raw_len(bytes(payload[at - length : at]))
    if at != len(payload):
        raise ValueError(f"more than {BLOCKS} snappy blocks")


def _lz4(payload: memoryview) -> Iterator[int]:
    rest = bytes(payload)
    for _ in range(MEMBERS):
        if not rest:
            return
        stream = lz4.frame.LZ4FrameDecompressor()
        while not stream.eof:
            yield len(stream.decompress(rest, max_length=PIECE_BYTES))
            rest = b""
            if stream.needs_input and not stream.eof:
                raise EOFError("an lz4 frame is cut off")
        rest = stream.unused_data or b""
    if rest:
        raise ValueError(f"more than {MEMBERS} lz4 frames")


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
