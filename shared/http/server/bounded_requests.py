"""Reading requests of a connection: heads, trailers and pipelined requests are bounded, offers to upgrade ignored."""

from enum import Enum, auto
from http import HTTPStatus
from typing import Any, ClassVar, Final

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.http.server.connection_limits import (
    HEADERS_TOO_LARGE,
    METHOD_UNSUPPORTED,
    REQUEST_UNREADABLE,
    ConnectionLimits,
    Refusal,
)
from shared.http.server.connection_progress import Progress
from shared.http.server.upgrade_offers import head_without_offer

HEAD_END: Final = b"\r\n\r\n"
CHUNK_FRAMING_BYTES: Final = 20
"""A chunk's size and the line ends around it, which are neither body nor trailers."""


class Phase(Enum):
    WAITING = auto()  # no request has begun yet on this connection
    HEAD = auto()
    BODY = auto()
    ANSWERING = auto()  # a whole request was read; idle once it is answered
    CLOSING = auto()  # whole requests are still answered, then it closes; what else comes is discarded
    REFUSED = auto()


ENDING: Final = frozenset({Phase.CLOSING, Phase.REFUSED})


class HeldFlow(FlowControl):
    """uvicorn's, which the application resumes whenever it waits for a message; not while it is held."""

    _held = False

    def hold(self) -> None:
        """Reads nothing until `release`."""
        self._held = True
        self.pause_reading()

    def release(self) -> None:
        """Reads again."""
        self._held = False
        self.resume_reading()

    def resume_reading(self) -> None:
        if not self._held:
            super().resume_reading()


class BoundedRequests(HttpToolsProtocol):
    """The part of a connection between its bytes and the application. `connections.py` has the rest."""

    limits: ClassVar[ConnectionLimits]
    flow: HeldFlow

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.parser = self._new_parser()
        self._phase = Phase.WAITING
        self._since = self.loop.time()
        self._head_bytes = 0
        self._head_fields = 0
        self._declared_bytes = 0
        self._body_bytes = 0
        self._chunks = 0
        self._framing_bytes = 0
        self._discarded_bytes = 0
        self._unparsed = b""
        self._whole: RequestResponseCycle | None = None  # the last request that was read to its end
        self._refusal: Refusal | None = None
        self._upgrade_ignored = False
        self._reading = Progress(
            self.limits.body_bytes_per_second, self.limits.body_grace_seconds, self._since
        )

    def _refuse(self, status: HTTPStatus, code: str) -> None:
        raise NotImplementedError

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # As uvicorn does: what follows a request with `Connection: close` does not take its answer away.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def data_received(self, data: bytes) -> None:
        if self._phase in ENDING:
            self._discard(len(data))
        elif self._unparsed:
            self._unparsed += data
        else:
            self._take(data)

    def on_response_complete(self) -> None:
        if self.cycle.response_complete:
            # What the application did not read: an idle connection holds nothing.
            self.cycle.body = bytearray()
        super().on_response_complete()
        if self._phase is Phase.ANSWERING:
            self._since = self.loop.time()
        if self._unparsed and not self.transport.is_closing():
            data, self._unparsed = self._unparsed, b""
            self.flow.release()
            self._take(data)

    def _discard(self, count: int) -> None:
        self._discarded_bytes += count
        if self._discarded_bytes > self.limits.discarded_bytes:
            self.transport.abort()

    # What the parser is given

    def _take(self, data: bytes) -> None:
        """Parses `data`; bounds what is in it beside bodies."""
        self._unset_keepalive_if_required()
        reading = self.cycle if self._phase is Phase.BODY else None
        body, chunks = self._body_bytes, self._chunks
        self._parse_pieces(data)
        if self._phase in ENDING:
            return
        if self._phase is not Phase.BODY:
            if self._head_bytes > self.limits.header_bytes:
                self._refuse(*HEADERS_TOO_LARGE)
        elif self.cycle is reading:
            parsed = len(data) - len(self._unparsed)
            beside = parsed - (self._body_bytes - body) - CHUNK_FRAMING_BYTES * (self._chunks - chunks)
            # Never below 0: small chunks earn no allowance for a large trailer.
            self._framing_bytes = max(0, self._framing_bytes + beside)
            if self._framing_bytes > self.limits.header_bytes:
                self._refuse(*HEADERS_TOO_LARGE)

    def _parse_pieces(self, data: bytes) -> None:
        """Parses `data` up to the most requests that may wait; the rest is kept until one of them is answered."""
        begin = 0
        while begin < len(data) and self._phase not in ENDING:
            room = self.limits.pipelined_requests - len(self.pipeline)
            if room <= 0:
                self._unparsed = data[begin:]
                self.flow.hold()
                return
            end = self._end_of_piece(data, begin, room)
            if self._phase is not Phase.BODY:
                self._head_bytes += end - begin
            self._parse(data[begin:end])
            begin = end

    def _end_of_piece(self, data: bytes, begin: int, requests: int) -> int:
        """Where the piece of `data` ends that has the ends of at most so many requests: each has a `HEAD_END`."""
        if self._phase is Phase.BODY and self._declared_bytes - self._body_bytes >= len(data) - begin:
            return len(data)
        end = begin
        for _ in range(requests):
            found = data.find(HEAD_END, end)
            if found < 0:
                return len(data)
            end = found + len(HEAD_END)
        return end

    def _parse(self, data: bytes) -> None:
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                version = self.parser.get_http_version()
                head = head_without_offer(self.parser.get_method(), self.url, version, self.headers)
                data = head + data[offer.args[0] :]
                self._upgrade_ignored = False
                self.parser = self._new_parser()
                continue
            except httptools.HttpParserError:
                refusal = self._refusal or Refusal(*REQUEST_UNREADABLE)
                self._refuse(refusal.status, refusal.code)
            return

    # What the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._phase is not Phase.HEAD:  # the head of an ignored upgrade begins twice
            self._phase, self._since = Phase.HEAD, self.loop.time()
        self._head_fields = 0
        self._declared_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_fields += 1
        if self._head_fields > self.limits.header_fields:
            self._raise(HEADERS_TOO_LARGE)
        if self._phase is Phase.BODY:  # a trailer is no header (RFC 9110, section 6.5.1)
            return
        super().on_header(name, value)
        if name.lower() == b"content-length":
            self._declared_bytes = int(value)

    def on_headers_complete(self) -> None:
        if (
            sum(len(name) + len(value) for name, value in self.headers) + len(self.url)
            > self.limits.header_bytes
        ):
            self._raise(HEADERS_TOO_LARGE)
        if self.parser.get_method() == b"CONNECT":
            self._raise(METHOD_UNSUPPORTED)
        if self.parser.should_upgrade():
            self._upgrade_ignored = True  # the parser ends the message here; `_parse` begins it again
            return
        super().on_headers_complete()
        self._phase, self._since = Phase.BODY, self.loop.time()
        self._body_bytes = self._framing_bytes = self._discarded_bytes = 0
        self._reading.restart(self._since, 0)

    def on_chunk_header(self) -> None:
        self._chunks += 1

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self.cycle.response_complete:
            self._discard(len(body))
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self._upgrade_ignored:
            return
        super().on_message_complete()
        self._whole = self.cycle
        self._phase, self._since, self._head_bytes = Phase.ANSWERING, self.loop.time(), 0

    def _raise(self, refusal: tuple[HTTPStatus, str]) -> None:
        self._refusal = Refusal(*refusal)
        raise self._refusal
