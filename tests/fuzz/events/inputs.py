"""One input of the fuzzer: where it comes in, its headers and its bytes; and the golden events as the first of them."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from infra.local.home import REPOSITORY

GOLDEN: Final = REPOSITORY / "tests" / "contract" / "golden" / "inbound"
CODECS: Final = (0, 1, 2, 3, 4)
"""Of Kafka: none, gzip, snappy, lz4, zstd."""
GZIP: Final = 1
MTIME_AT: Final = 61 + 4
CRC_AT: Final = 17
BATCH_BYTES: Final = 64 * 1024 * 1024
MOST_BYTES: Final = 8 * 1024
"""Of one input: enough to exceed every bound that the target sets."""

SPREADSHEETS: Final = "/upstream/qom"
"""The source of the tenant whose events are cleaned of what spreadsheets leave."""

Headers = Sequence[tuple[bytes, bytes]]


class Door(IntEnum):
    """Where it comes in."""

    HTTP = 0  # POST /v1/events, in the mode that its content type names
    RECORD = 1  # a record of rahnama.inbound, in the mode that its headers name
    FETCH = 2  # what a fetch of rahnama.inbound brought, one record batch and more


class Input(msgspec.Struct, frozen=True, array_like=True):
    """`value` is the body, the record's value, or the record batch."""

    door: Door
    headers: list[tuple[bytes, bytes]]
    value: bytes


_decoder: Final = msgspec.msgpack.Decoder(Input)
_encoder: Final = msgspec.msgpack.Encoder()


def pack(made: Input) -> bytes:
    """As the fuzzer keeps it."""
    return _encoder.encode(made)


def unpack(packed: bytes) -> Input | None:
    """The input again; None for bytes that are none, which a fuzzer may try."""
    try:
        return _decoder.decode(packed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def golden_events() -> list[bytes]:
    """One of each inbound type, in structured mode."""
    return [
        path.read_bytes() for path in sorted(GOLDEN.glob("*.json")) if not path.name.endswith(".command.json")
    ]


def spreadsheet_rows() -> list[bytes]:
    """The golden events as a spreadsheet would have them: whole numbers with a fraction of nothing, words for nothing."""
    rows = []
    for event in map(msgspec.json.decode, golden_events()):
        row = {**event, "source": SPREADSHEETS, "data": _leftovers(event["data"])}
        rows.append(msgspec.json.encode(row))
    return rows


def _leftovers(value: Any) -> Any:
    match value:
        case None:
            return "N/A"
        case bool():
            return value
        case int():
            return f"{value}.0"
        case dict():
            return {name: _leftovers(item) for name, item in value.items()}
        case list():
            return [_leftovers(item) for item in value]
        case _:
            return value


def seeds() -> list[Input]:
    """Every golden event, and every row of a spreadsheet, in every mode of every channel."""
    return [made for events in (golden_events(), spreadsheet_rows()) for made in _at_every_door(events)]


def _at_every_door(events: Sequence[bytes]) -> list[Input]:
    together = b"[" + b",".join(events) + b"]"
    found = []
    for event in events:
        found += [
            Input(Door.HTTP, structured(b"content-type"), event),
            Input(Door.RECORD, structured(), event),
        ]
        found += [Input(Door.HTTP, *binary(event, b"ce-")), Input(Door.RECORD, *binary(event, b"ce_"))]
        found.append(Input(Door.RECORD, [], event))
    found += [Input(Door.HTTP, batch(), together), Input(Door.RECORD, batch(), together)]
    for codec in CODECS:
        records = [(structured(), event) for event in events]
        found.append(Input(Door.FETCH, [], fetch(records, codec)))
        found.append(Input(Door.FETCH, [], fetch([(batch(), together)], codec) + fetch(records[:1], 0)))
    return found


def structured(name: bytes = b"content-type") -> list[tuple[bytes, bytes]]:
    """The headers of structured mode."""
    return [(name, b"application/cloudevents+json")]


def batch() -> list[tuple[bytes, bytes]]:
    """The headers of a batch."""
    return [(b"content-type", b"application/cloudevents-batch+json")]


def binary(event: bytes, prefix: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The headers and the value of an event in binary mode."""
    document = msgspec.json.decode(event)
    data = document.pop("data")
    kind = document.pop("datacontenttype")
    headers = [(prefix + name.encode(), str(value).encode()) for name, value in document.items()]
    return [(b"content-type", kind.encode()), *headers], msgspec.json.encode(data)


def fetch(records: Sequence[tuple[Headers, bytes]], codec: int) -> bytes:
    """A record batch as a producer writes it, but without the time in gzip's header (RFC 1952, MTIME) and the checksum over it."""
    builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, BATCH_BYTES)
    for offset, (headers, value) in enumerate(records):
        named: list[tuple[str, bytes | None]] = [
            (name.decode("utf-8", "replace"), content) for name, content in headers
        ]
        builder.append(offset, 1_700_000_000_000, None, value, named)
    made = bytearray(builder.build())
    if codec == GZIP:
        made[MTIME_AT : MTIME_AT + 4] = made[CRC_AT : CRC_AT + 4] = bytes(4)
    return bytes(made)
