"""Compressed batches: what inflates beyond the bound is never taken apart, and all else is read as before."""

import struct
import tracemalloc
import zlib
from collections.abc import Callable

import cramjam
import pytest
import zstandard
from aiokafka import codec
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from shared.kafka.bounded_batches import (
    ATTRIBUTES_AT,
    BATCH_RECORDS,
    FETCH_INFLATED_BYTES,
    HEADER_BYTES,
    INFLATED_BYTES,
    MAGIC_AT,
    RECORD_COUNT_AT,
    Refusal,
    SkippedBatch,
    inspect_batch,
)
from tests.unit.record_batches import BOMB_BYTES, CODECS, batch, bomb, read, zeros


@pytest.mark.parametrize("compression", [0, *CODECS.values()], ids=["none", *CODECS])
@pytest.mark.parametrize("values", [[b"one"], [b"a" * 1000, b"", b"b" * 200_000]], ids=["small", "several"])
def test_an_ordinary_batch_is_read_as_before(compression: int, values: list[bytes]) -> None:
    made = batch(values, compression, base=40)
    assert [(record.offset, record.value) for record in read(made)] == list(enumerate(values, 40))
    inflated, refusal = inspect_batch(made)
    assert refusal is None
    assert (inflated > 0) == (compression != 0)


@pytest.mark.parametrize("compression", CODECS.values(), ids=CODECS)
def test_the_inflated_size_is_exact(compression: int) -> None:
    plain = len(batch([b"x" * 300_000], 0)) - HEADER_BYTES
    made = batch([b"x" * 300_000], compression)
    assert inspect_batch(made) == (plain, None)
    assert inspect_batch(made, plain) == (plain, None)
    assert inspect_batch(made, plain - 1) == (plain - 1, Refusal.TOO_LARGE)


@pytest.mark.parametrize("compression", CODECS.values(), ids=CODECS)
def test_a_bomb_becomes_one_record_with_its_offsets_digest_and_length(compression: int) -> None:
    made = bomb(compression, zeros(compression), base=7)
    after = batch([b"next"], 0, base=8)
    tracemalloc.start()
    try:
        skipped, following = read(made + after)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(skipped.value, SkippedBatch)
    assert (skipped.offset, skipped.value.first_offset, skipped.value.last_offset) == (7, 7, 7)
    assert (skipped.value.compressed_bytes, skipped.value.refusal) == (len(made), Refusal.TOO_LARGE)
    assert (following.offset, following.value) == (8, b"next")
    assert peak < 4 * len(made) + 2 * INFLATED_BYTES


@pytest.mark.parametrize(
    ("compression", "payload", "refusal"),
    [
        (1, zlib.compress(b"not gzip"), Refusal.UNREADABLE),
        (2, b"\xff\xff\xff\x7f" + b"short", Refusal.TOO_LARGE),  # claims 256 MiB
        (4, b"garbage", Refusal.UNREADABLE),
        (
            4,
            zstandard.ZstdCompressor(
                compression_params=zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
            ).compress(bytes(BOMB_BYTES)),
            Refusal.UNREADABLE,
        ),
    ],
    ids=["not-gzip", "snappy-claim", "garbage", "zstd-window"],
)
def test_what_cannot_be_inflated_within_the_bound_is_skipped(
    compression: int, payload: bytes, refusal: Refusal
) -> None:
    [skipped] = read(bomb(compression, payload))
    assert isinstance(skipped.value, SkippedBatch)
    assert skipped.value.refusal == refusal


@pytest.mark.parametrize("compression", [0, *CODECS.values()], ids=["none", *CODECS])
def test_a_batch_of_more_records_than_the_bound_is_never_made_into_objects(compression: int) -> None:
    made = batch([b""] * (BATCH_RECORDS + 1), compression, base=5)
    found = read(made + batch([b"next"], 0, base=BATCH_RECORDS + 6))
    assert len(found) == 2
    skipped, following = found
    assert isinstance(skipped.value, SkippedBatch)
    assert skipped.value.refusal == Refusal.TOO_MANY_RECORDS
    assert (skipped.value.first_offset, skipped.offset) == (5, BATCH_RECORDS + 5)
    assert following.value == b"next"
    assert len(read(batch([b""] * BATCH_RECORDS, compression))) == BATCH_RECORDS


def test_a_batch_of_more_records_than_it_claims_is_an_error() -> None:
    made = bytearray(batch([b""] * (BATCH_RECORDS + 1), 4))
    struct.pack_into(">i", made, RECORD_COUNT_AT, 1)
    with pytest.raises(CorruptRecordException):
        read(bytes(made))


def test_a_fetch_is_left_after_a_bound_so_that_many_batches_do_not_add_up() -> None:
    large = [batch([b"x" * 600_000], 4, base=number) for number in range(20)]
    found = read(b"".join(large))
    assert [record.offset for record in found] == [0, 1]
    assert sum(len(record.value) for record in found) >= FETCH_INFLATED_BYTES


@pytest.mark.parametrize("magic", [0x80, 0xFF])
def test_a_magic_byte_that_is_negative_is_that_of_an_old_batch(magic: int) -> None:
    """aiokafka reads it signed; it was inspected as a new one, and the batch had none of its attributes."""
    made = bytearray(batch([b"x" * 1000], CODECS["gzip"]))
    made[MAGIC_AT] = magic
    assert inspect_batch(bytes(made)) == (0, None)


def test_no_sender_can_claim_to_be_a_skipped_batch() -> None:
    value = SkippedBatch.of(b"batch", 0, 0, Refusal.TOO_LARGE)
    [record] = read(batch([bytes(value)], 0))
    assert not isinstance(record.value, SkippedBatch)


def test_the_attributes_are_where_a_batch_has_them() -> None:
    for compression in CODECS.values():
        made = batch([b"x" * 100], compression)
        assert made[ATTRIBUTES_AT + 1] & 7 == compression
    assert cramjam.snappy.decompress_raw_len(bytes(cramjam.snappy.compress_raw(b"x" * 500))) == 500


@pytest.mark.parametrize("compression", [0, *CODECS.values()], ids=["none", *CODECS])
def test_a_length_beyond_the_batch_behind_an_unreadable_header_name_is_an_error_and_not_a_crash(
    compression: int,
) -> None:
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1_000_000)
    builder.append(0, 1_700_000_000_000, None, b"value", [("name", b"content")])
    builder.append(1, 1_700_000_000_000, None, b"value", [("head", b"x" * 200), ("next", b"y")])
    made = bytes(builder.build()).replace(b"name", b"\xff\xff\xff\xff")
    made = made.replace(b"head\x90\x03xxxx", b"head\xfe\xff\xff\xff\xff\x7f")
    records, count = made[HEADER_BYTES:], made[HEADER_BYTES - 4 : HEADER_BYTES]
    encoders: dict[int, Callable[[bytes], bytes]] = {
        0: bytes,
        1: codec.gzip_encode,
        2: codec.snappy_encode,
        3: codec.lz4_encode,
        4: codec.zstd_encode,
    }
    data = bytearray(bomb(compression, encoders[compression](records)))
    data[HEADER_BYTES - 4 : HEADER_BYTES] = count
    with pytest.raises(CorruptRecordException):
        read(bytes(data))
