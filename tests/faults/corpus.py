"""Poison for `rahnama.inbound`: what no upstream should send, each as (value, key, headers). None of it is an event."""

import gzip
import json
from typing import Final

from infra.demo.cohort import SOURCE
from tests.e2e.upstream import STRUCTURED_HEADERS
from tests.faults.senders import Record

ID: Final = "poison"
"""Of those that have a valid one."""
_EVENT: Final = {
    "specversion": "1.0",
    "id": ID,
    "source": SOURCE,
    "type": "rahnama.student.registered.v1",
    "data": {"year": 1404},
}


def _without(name: str) -> bytes:
    return json.dumps({key: value for key, value in _EVENT.items() if key != name}).encode()


def _with(**changes: object) -> bytes:
    return json.dumps({**_EVENT, **changes}).encode()


def _with_base64(value: object) -> bytes:
    return json.dumps({**json.loads(_without("data")), "data_base64": value}).encode()


VALUES: Final[tuple[bytes, ...]] = (
    b"",
    b"\x00",
    b"{",
    b"[]",
    b"null",
    b"1e999",
    b'"text"',
    b"\xff\xfe\xfa",
    b"{}" * 1000,
    b"[" * 5000,
    b'{"a":' * 40 + b"1" + b"}" * 40,
    gzip.compress(b"{}"),
    "﻿".encode() + _with(),
    _without("id"),
    _without("source"),
    _with_base64(5),
    _with_base64([]),
    _with_base64({}),
    _with(id=""),
    _with(id=7),
    _with(id="x" * 129),
    _with(id="a\x00b"),
    _with(source=""),
    _with(source="s" * 257),
    _with(source="/nobody"),
    _with(specversion="0.3"),
    b'{"id":NaN}',
    b'{"id":"\\ud800","source":"/upstream/demo"}',
    b"x" * 300_000,
)

HEADERS: Final[tuple[list[tuple[str, bytes]], ...]] = (
    [],
    [("content-type", b"application/json")],
    [("content-type", b"\xff\xfe")],
    [("content-type", b"application/json"), ("ce_id", b"\xff"), ("ce_source", b"\x00")],
    [("traceparent", b"00-not-a-trace"), ("", b"")],
    [("ce_specversion", b"1.0"), ("content-type", b"application/json")],
)

CORPUS: Final[tuple[Record, ...]] = (
    *((value, None, STRUCTURED_HEADERS) for value in VALUES),
    *((value, b"\xff", headers) for value in VALUES[:10] for headers in HEADERS),
)

INTERNAL: Final[tuple[bytes, ...]] = (
    b"",
    b"{}",
    b"\xff\xfe",
    b"{" * 3000,
    b'{"specversion":"1.0","id":"intake-00-0000000000000001"}',
    _with(),
    b"x" * 100_000,
)
"""For the topics of logs: what no relay ever wrote."""
