"""Record batches as producers write them, and as attackers do."""

import struct
from collections.abc import Sequence
from typing import Any

from aiokafka import codec
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from shared.kafka.bounded_batches import HEADER_BYTES
from shared.kafka.header_names import PatientRecords

CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
BOMB_BYTES = 200 * 1024 * 1024


def batch(values: Sequence[bytes], compression: int, base: int = 0) -> bytes:
    """A record batch as a producer writes it and a broker keeps it, from offset `base` on."""
    builder = DefaultRecordBatchBuilder(2, compression, False, -1, -1, -1, 64 * 1024 * 1024)
    for offset, value in enumerate(values):
        builder.append(offset, 1_700_000_000_000, None, value, [])
    made = bytearray(builder.build())
    struct.pack_into(">q", made, 0, base)
    return bytes(made)


def bomb(compression: int, payload: bytes, base: int = 0) -> bytes:
    """A batch whose compressed part is `payload`; its checksum fits."""
    made = bytearray(batch([b"x"], compression, base)[:HEADER_BYTES]) + payload
    struct.pack_into(">i", made, 8, len(made) - 12)
    struct.pack_into(">I", made, 17, 0)
    return bytes(made)


def zeros(compression: int, count: int = BOMB_BYTES) -> bytes:
    content = bytes(count)
    match compression:
        case 1:
            return codec.gzip_encode(content)
        case 2:
            return codec.snappy_encode(content)
        case 3:
            return codec.lz4_encode(content)
        case _:
            return codec.zstd_encode(content)


def read(data: bytes) -> list[Any]:
    """All records of a fetch, as aiokafka reads them."""
    records, found = PatientRecords(data), []
    while records.has_next():
        found += list(records.next_batch())
    return found
