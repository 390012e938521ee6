"""The bound's view of a payload and aiokafka's own: what it would inflate is counted, to the last member and frame."""

import struct
import zlib
from collections.abc import Callable
from typing import Any

import cramjam
import lz4.frame
import pytest
import zstandard
from aiokafka import codec

from shared.kafka.bounded_batches import INFLATED_BYTES, Refusal, inspect_batch
from shared.kafka.inflation import BLOCKS, INFLATION_ERRORS, MEMBERS, XERIAL_HEADER, inflate
from tests.unit.record_batches import CODECS, bomb

FRAMES: Any = lz4.frame
ENCODE: dict[int, Callable[[bytes], bytes]] = {
    1: codec.gzip_encode,
    2: lambda content: codec.snappy_encode(content)[len(XERIAL_HEADER) :],
    3: codec.lz4_encode,
    4: codec.zstd_encode,
}
"""A member, a frame, or snappy's blocks without their header."""
DECODE: dict[int, Any] = {
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}
EMPTY = {
    1: codec.gzip_encode(b""),
    2: struct.pack(">i", 1) + bytes(cramjam.snappy.compress_raw(b"")),
    3: FRAMES.compress(b""),
    4: zstandard.ZstdCompressor().compress(b""),
}
SKIPPABLE = struct.pack("<II", 0x184D2A5B, 70_000) + bytes(70_000)
"""A frame that lz4 and zstd pass over, longer than the pieces that are read."""
ZEROS = struct.pack("<II", 0x184D2A50, 0)


def payload(compression: int, *parts: bytes) -> bytes:
    """The parts in the codec's framing."""
    return (XERIAL_HEADER if compression == 2 else b"") + b"".join(parts)


def total(compression: int, data: bytes) -> int:
    """All that is inflated."""
    return sum(inflate(compression, memoryview(data)))


BETWEEN = [
    *((number, EMPTY[number] * count) for number in CODECS.values() for count in (0, 1, 10)),
    *((number, frames) for number in (3, 4) for frames in (SKIPPABLE, ZEROS * 10)),
]


@pytest.mark.parametrize(("compression", "gap"), BETWEEN, ids=map(str, range(len(BETWEEN))))
def test_every_member_counts_whatever_stands_between(compression: int, gap: bytes) -> None:
    encode = ENCODE[compression]
    parts = (gap, encode(b"first"), gap, encode(bytes(300_000)), gap, encode(b"last"), gap)
    small = payload(compression, *parts)
    assert total(compression, small) == len(DECODE[compression](small)) == 300_009
    made = bomb(compression, payload(compression, encode(b"a"), gap, encode(bytes(2 * INFLATED_BYTES))))
    assert inspect_batch(made) == (INFLATED_BYTES, Refusal.TOO_LARGE)


def test_zeros_behind_a_gzip_member_are_passed_over_as_its_reader_does() -> None:
    padded = codec.gzip_encode(b"one") + bytes(9) + codec.gzip_encode(bytes(300_000)) + bytes(9)
    assert total(1, padded) == len(codec.gzip_decode(padded)) == 300_003


@pytest.mark.parametrize("compression", [1, 3], ids=["gzip", "lz4"])
def test_far_more_members_than_a_producer_writes_are_refused(compression: int) -> None:
    empty = EMPTY[compression]
    assert total(compression, empty * MEMBERS) == 0
    with pytest.raises(ValueError, match="more than"):
        total(compression, empty * (MEMBERS + 1))
    assert inspect_batch(bomb(compression, empty * (MEMBERS + 1))).refusal == Refusal.UNREADABLE


def test_far_more_blocks_than_an_encoder_writes_are_refused() -> None:
    assert total(2, payload(2, EMPTY[2] * BLOCKS)) == 0
    with pytest.raises(ValueError, match="more than"):
        total(2, payload(2, EMPTY[2] * (BLOCKS + 1)))


@pytest.mark.parametrize("length", [-(2**31), -5, -4, -1, 0, 2**31 - 1])
def test_a_snappy_block_whose_signed_length_leads_back_or_beyond_is_refused(length: int) -> None:
    block = ENCODE[2](b"abc")
    made = payload(2, block, struct.pack(">i", length), block)
    with pytest.raises(INFLATION_ERRORS):
        total(2, made)
    assert inspect_batch(bomb(2, made)).refusal == Refusal.UNREADABLE


@pytest.mark.parametrize("behind", [b"", b"\0", bytes(9)], ids=["nothing", "a byte", "more"])
def test_what_only_looks_like_snappys_framing_is_one_raw_block(behind: bytes) -> None:
    alike = XERIAL_HEADER[:8] + struct.pack(">ii", 2, 1) + behind
    # Its first bytes are a raw block's length, and that is all that its decoder allocates.
    assert total(2, alike) == cramjam.snappy.decompress_raw_len(alike)


@pytest.mark.parametrize("compression", [1, 2, 3], ids=["gzip", "snappy", "lz4"])
def test_what_is_cut_off_is_refused(compression: int) -> None:
    whole = payload(compression, ENCODE[compression](b"one"), ENCODE[compression](b"x" * 1000))
    refused = 0
    for end in range(len(payload(compression)) + 1, len(whole)):
        try:
            total(compression, whole[:end])
        except INFLATION_ERRORS:
            refused += 1
            continue
        assert whole[:end] == payload(compression, ENCODE[compression](b"one")), end
    assert refused > 20


def test_garbage_behind_a_member_is_refused() -> None:
    for compression in (1, 3, 4):
        with pytest.raises(INFLATION_ERRORS):
            total(compression, ENCODE[compression](b"one") + zlib.compress(b"garbage"))
