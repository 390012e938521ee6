"""Mutations that keep an event nearly an event: of its JSON, its headers, its record batch, and of the bytes."""

import random
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from tests.fuzz.events.inputs import CODECS, MOST_BYTES, Door, Input, batch, fetch, structured, unpack

Headers = list[tuple[bytes, bytes]]
Mutation = Callable[[random.Random, bytes], bytes]

TEXTS: Final = (
    "", " ", "0", "-1", "null", "ندارد", "۱۳۳۲۰۷۳۶۸۹", "1332073689", "+98 912 123 4567", "\u200f\u061c", "a\x00b", "ـ" * 5,
    "²³½", "1404-13-45", "1385/04/12", "2006-07-03", "2025-09-23T08:30:00+03:30", "2016-12-31T23:59:60Z", "e" * 300, "x" * 129,
    "\ufeff", "\U000e0001", "ﷺ" * 60, "/upstream/demo", "/upstream/qom", "/nobody", "1.0", "rahnama.student.registered.v1",
    "application/json", "application/json; charset=utf-16", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "زن", "پسر", "school", "a@b.c", "eyJ5ZWFyIjoxNDA0fQ==", "e30", "\\ud800", "21.0", "۲۷٫۰", "27.", "N/A", "-", "—", "+98 (0)912 123 4567", "1e1",
)  # fmt: skip
NUMBERS: Final = (
    0,
    1,
    -1,
    3,
    27,
    1404,
    2**31 - 1,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64,
    10**400,
    1.5,
    -0.0,
    1e308,
)
VALUES: Final[tuple[Any, ...]] = (None, True, False, [], {}, [[]], [{}], {"": None}, *NUMBERS, *TEXTS)
RAW: Final = (
    b"NaN", b"Infinity", b"-0", b"1e999", b"1e-999", b"01", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"'a'", b'"\\ud800"', b'"\\u0000"',
    b"// a\n", b"/* */", b"\xef\xbb\xbf", b"", b",", b"]", b"}", b'"', b"\\", b"[" * 40, b'{"a":' * 40, b"1" * 5000,
)  # fmt: skip
NAMES: Final = (
    "specversion", "id", "source", "type", "time", "datacontenttype", "data", "data_base64", "traceparent", "year", "national_id",
    "gender", "groups", "centers", "schools", "school_codes", "manager_id", "capacity",
)  # fmt: skip
HEADERS: Final = (
    b"content-type", b"Content-Type", b"ce_id", b"ce-id", b"CE_ID", b"ce_source", b"ce-source", b"ce_specversion", b"ce-type",
    b"ce_type", b"ce_time", b"ce_data", b"ce_traceparent", b"ce_datacontenttype", b"traceparent", b"content-length", b"ce_", b"", b"\xff\xfe",
)  # fmt: skip
TYPES: Final = (
    b"application/cloudevents+json", b"application/cloudevents-batch+json", b"application/json", b"application/x+json",
    b"APPLICATION/CLOUDEVENTS+JSON; charset=utf-8", b"application/json; charset=latin1", b"text/plain", b"\xff", b"",
)  # fmt: skip


def mutate(draw: random.Random, made: Input, flip: Mutation) -> Input:
    """One to four changes; `flip` is the engine's own way to change bytes."""
    door, headers, value = made.door, list(made.headers), made.value
    for _ in range(draw.choice((1, 1, 1, 2, 3, 4))):
        match draw.randrange(10):
            case 0 | 1 if door is not Door.FETCH:
                headers = _mutate_headers(draw, headers, flip)
            case 2 | 3:
                value = flip(draw, value)
            case 4 if door is not Door.FETCH:
                value = _splice(draw, value)
            case 5 if door is not Door.FETCH:
                door, headers, value = _move(draw, headers, value)
            case _:
                value = _mutate_fetch(draw, value, flip) if door is Door.FETCH else mutate_json(draw, value)
    return Input(door, headers, value[:MOST_BYTES])


def mutate_packed(draw: random.Random, packed: bytes, flip: Mutation, corpus: Sequence[Input]) -> Input:
    """The same of what the engine kept; what is none begins again with a seed.

    So do three of four fetches: by their coverage alone an engine would choose hardly anything else.
    """
    made = unpack(packed)
    if made is None or (made.door is Door.FETCH and draw.random() < 0.75):
        made = draw.choice(corpus)
    return mutate(draw, made, flip)


def flip_bytes(draw: random.Random, value: bytes) -> bytes:
    """Without an engine: some bytes changed, left out, or repeated."""
    changed = bytearray(value)
    for _ in range(draw.choice((1, 1, 2, 8))):
        at = draw.randrange(len(changed) + 1)
        match draw.randrange(4):
            case 0:
                changed[at : at + 1] = bytes([draw.randrange(256)])
            case 1:
                del changed[at : at + draw.randrange(1, 9)]
            case 2:
                changed[at:at] = changed[at : at + draw.randrange(1, 65)]
            case _:
                del changed[at:]
    return bytes(changed)


def mutate_json(draw: random.Random, value: bytes) -> bytes:
    """A member of the document changed, added, doubled, or put elsewhere; of what is no JSON, a piece."""
    try:
        document = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _splice(draw, value)
    return _encoded(_changed(draw, document, depth=draw.randrange(4)), draw)


def _member(draw: random.Random, document: dict[str, Any] | list[Any]) -> Any:
    """Mostly what the rules are about."""
    if isinstance(document, list):
        return draw.randrange(len(document))
    return "data" if "data" in document and draw.random() < 0.6 else draw.choice(sorted(document))


def _changed(draw: random.Random, document: Any, depth: int) -> Any:
    if depth and isinstance(document, dict | list) and document:
        key = _member(draw, document)
        document[key] = _changed(draw, document[key], depth - 1)
        return document
    match document, draw.randrange(6):
        case dict(), 0 | 1 if document:
            del document[draw.choice(sorted(document))]
        case dict(), 2 | 3:
            document[draw.choice(NAMES)] = draw.choice(VALUES)
        case list(), 0 | 1:
            document += [draw.choice(VALUES)] * draw.choice((1, 1, 2, 1100))
        case list(), 2 if document:
            document.append(document[draw.randrange(len(document))])
        case str(), 0 | 1 | 2:
            at = draw.randrange(len(document) + 1)
            return document[:at] + draw.choice(TEXTS) + document[at + draw.randrange(3) :]
        case int(), 0 | 1 if not isinstance(document, bool):
            return draw.choice((document + 1, -document, document * 10**9, str(document)))
        case _, 4:
            return [document] * draw.choice((1, 2, 30))
        case _:
            return draw.choice(VALUES)
    return document


def _encoded(document: Any, draw: random.Random) -> bytes:
    try:
        written = msgspec.json.encode(document)
    except (OverflowError, UnicodeEncodeError, RecursionError):
        return draw.choice(RAW)
    return written if draw.random() < 0.9 else msgspec.json.format(written, indent=1)


def _splice(draw: random.Random, value: bytes) -> bytes:
    """A piece put in, before or behind one of JSON's marks."""
    marks = [at for at, byte in enumerate(value[:4096]) if byte in b'{}[],:"']
    at = draw.choice(marks) + draw.randrange(2) if marks else 0
    end = draw.choice((at, at, draw.choice(marks) if marks else at))
    return value[:at] + draw.choice(RAW) + value[max(at, end) :]


def _mutate_headers(draw: random.Random, headers: Headers, flip: Mutation) -> Headers:
    at = draw.randrange(len(headers) + 1)
    match draw.randrange(5):
        case 0:
            content = draw.choice((*TYPES, *(text.encode("utf-8", "replace") for text in TEXTS)))
            return [*headers[:at], (draw.choice(HEADERS), content), *headers[at:]]
        case 1 if headers:
            return headers[:at] + headers[at + 1 :]
        case 2 if headers:
            return [*headers, draw.choice(headers)]
        case 3 if at < len(headers):
            name, content = headers[at]
            changed = (name, flip(draw, content)) if draw.random() < 0.7 else (flip(draw, name), content)
            return [*headers[:at], changed, *headers[at + 1 :]]
        case _:
            return [(b"content-type", draw.choice(TYPES)), *headers]


def _move(draw: random.Random, headers: Headers, value: bytes) -> tuple[Door, Headers, bytes]:
    """To another door, in another mode, or many times in one batch."""
    match draw.randrange(4):
        case 0:
            return draw.choice((Door.HTTP, Door.RECORD)), headers, value
        case 1:
            many = b",".join([value] * draw.choice((1, 2, 3)))
            return draw.choice((Door.HTTP, Door.RECORD)), batch(), b"[" + many + b"]"
        case 2:
            return draw.choice((Door.HTTP, Door.RECORD)), structured(), value
        case _:
            named = [(name, content) for name, content in headers if name]
            return Door.FETCH, [], fetch([(named, value)] * draw.choice((1, 2)), draw.choice(CODECS))


def _mutate_fetch(draw: random.Random, value: bytes, flip: Mutation) -> bytes:
    """The codec, the counts, or what is compressed: behind the 61 bytes of a batch's header (KIP-98)."""
    changed = bytearray(value)
    match draw.randrange(5):
        case 0 if len(changed) > 22:
            changed[22] = draw.randrange(256) if draw.random() < 0.3 else draw.choice(CODECS)
        case 1 if len(changed) >= 61:
            at = draw.choice((0, 8, 16, 23, 27, 35, 43, 51, 53, 57))
            changed[at : at + 4] = draw.choice(
                (b"\0\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff")
            )
        case 2:
            return value + value
        case 3:
            return value[: draw.randrange(len(value) + 1)]
        case _:
            return value[:61] + flip(draw, value[61:])
    return bytes(changed)
