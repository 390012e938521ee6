"""HTTP/1.1 connections with bounds that hold before a request is authenticated.

uvicorn's httptools protocol reads a header block of any size for any time, and stops parsing a request that offers an
upgrade (`Upgrade: h2c`), so that its body is lost or is read as the next request. `bounded_protocol` returns a subclass
that bounds connections, header blocks, pipelined requests and the time that each of them takes, and that ignores offers
to upgrade, as RFC 9110, section 7.8 allows. See ADR 11.
"""

import asyncio
from collections.abc import Iterable
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, ClassVar, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.http.connection_limits import (
    HEADERS_TOO_LARGE,
    METHOD_UNSUPPORTED,
    REFUSED,
    REQUEST_TIMEOUT,
    REQUEST_UNREADABLE,
    TOO_MANY_CONNECTIONS,
    TOO_MANY_PIPELINED,
    ConnectionLimits,
    Refusal,
    refusal_bytes,
)


class _Phase(Enum):
    WAITING = auto()  # no byte of a request has come yet on this connection
    HEAD = auto()
    BODY = auto()
    ANSWERING = auto()  # a whole request was read; idle once it is answered
    REFUSED = auto()


_HOP_FIELDS: Final = frozenset({b"upgrade", b"http2-settings"})


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Made by uvicorn through the class that `bounded_protocol` returns."""

    limits: ClassVar[ConnectionLimits]
    clock: ClassVar["_Clock"]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._phase = _Phase.WAITING
        self._since = self.loop.time()
        self._head_bytes = 0
        self._head_fields = 0
        self._body_bytes = 0
        self._discarded_bytes = 0
        self._refusal: Refusal | None = None
        self._upgrade_ignored = False
        self._writing_since: float | None = None

    # What uvicorn calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._since = self.loop.time()
        self.clock.watch(self)
        if len(self.connections) > self.limits.connections and not self._close_longest_idle():
            self._refuse(*TOO_MANY_CONNECTIONS)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.clock.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._phase is _Phase.REFUSED:
            self._discard(len(data))
            return
        self._unset_keepalive_if_required()
        if self._phase in (_Phase.WAITING, _Phase.ANSWERING):
            self._begin_head()
        if self._phase is _Phase.HEAD:
            self._head_bytes += len(data)
        self._feed(data)
        if self._phase is _Phase.HEAD and self._head_bytes > self.limits.header_bytes:
            self._refuse(*HEADERS_TOO_LARGE)

    def eof_received(self) -> None:
        if self._phase is _Phase.REFUSED:
            self.transport.close()

    def _feed(self, data: bytes) -> None:
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                head = self._head_without_upgrade()
                data = head + data[offer.args[0] :]
                self._upgrade_ignored = False
                self.parser = httptools.HttpRequestParser(self)
                continue
            except httptools.HttpParserError:
                refusal = self._refusal or Refusal(*REQUEST_UNREADABLE)
                self._refuse(refusal.status, refusal.code)
            return

    # What the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._phase is not _Phase.HEAD:  # a pipelined request begins within a chunk
            self._begin_head()
        self._head_fields = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_fields += 1
        if self._head_fields > self.limits.header_fields:
            self._raise(HEADERS_TOO_LARGE)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if (
            sum(len(name) + len(value) for name, value in self.headers) + len(self.url)
            > self.limits.header_bytes
        ):
            self._raise(HEADERS_TOO_LARGE)
        if self.parser.get_method() == b"CONNECT":
            self._raise(METHOD_UNSUPPORTED)
        if self.parser.should_upgrade():
            self._upgrade_ignored = True  # the parser ends the message here; `_feed` begins it again
            return
        if len(self.pipeline) >= self.limits.pipelined_requests:
            self._raise(TOO_MANY_PIPELINED)
        super().on_headers_complete()
        self._phase, self._since, self._body_bytes = _Phase.BODY, self.loop.time(), 0

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
        self._phase, self._since = _Phase.ANSWERING, self.loop.time()

    def on_response_complete(self) -> None:
        if self.cycle.response_complete:
            # What the application did not read: an idle connection holds nothing.
            self.cycle.body = bytearray()
        super().on_response_complete()

    def _raise(self, refusal: tuple[HTTPStatus, str]) -> None:
        self._refusal = Refusal(*refusal)
        raise self._refusal

    # Bounds

    def check(self, now: float, elapsed: float) -> None:
        """Ends the connection if what it is doing has taken too long. Called every `check_seconds`."""
        limits = self.limits
        if self._is_write_stalled(now):
            self.transport.abort()
        elif self._phase is _Phase.REFUSED:
            if now - self._since > limits.linger_seconds:
                self.transport.abort()
        elif self.flow.read_paused:
            self._since += elapsed
        elif self._phase in (_Phase.WAITING, _Phase.HEAD):
            if now - self._since > limits.header_seconds:
                self._refuse(*REQUEST_TIMEOUT)
        elif self._phase is _Phase.BODY:
            expected = (now - self._since - limits.body_grace_seconds) * limits.body_bytes_per_second
            if self._body_bytes < expected:
                self._refuse(*REQUEST_TIMEOUT)

    def _is_write_stalled(self, now: float) -> bool:
        if not self.flow.write_paused:
            self._writing_since = None
            return False
        if self._writing_since is None:
            self._writing_since = now
        return now - self._writing_since > self.limits.write_seconds

    @property
    def idle_since(self) -> float | None:
        """When it became idle, in the loop's time; None while a request is being read or answered, or once it is closing."""
        answered = self.cycle is None or self.cycle.response_complete
        waiting = self._phase is _Phase.WAITING or (self._phase is _Phase.ANSWERING and answered)
        return self._since if waiting and not self.pipeline and not self.transport.is_closing() else None

    def _close_longest_idle(self) -> bool:
        idle = [other for other in self.clock.watched if other is not self and other.idle_since is not None]
        if not idle:
            return False
        REFUSED.add(1, {"reason": "IDLE_EVICTED"})
        min(idle, key=lambda other: other.idle_since or 0.0).transport.close()
        return True

    def _begin_head(self) -> None:
        self._phase, self._since, self._head_bytes = _Phase.HEAD, self.loop.time(), 0

    def _discard(self, count: int) -> None:
        self._discarded_bytes += count
        if self._discarded_bytes > self.limits.discarded_bytes:
            self.transport.abort()

    def _refuse(self, status: HTTPStatus, code: str) -> None:
        if self._phase is _Phase.REFUSED or self.transport.is_closing():
            return
        self._phase, self._since = _Phase.REFUSED, self.loop.time()
        REFUSED.add(1, {"reason": code})
        self._unset_keepalive_if_required()
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or self.pipeline:  # its answer cannot be taken back
                self.transport.abort()
                return
            cycle.disconnected = True  # what the application sees, and what makes its answer go nowhere
            cycle.message_event.set()
        self.transport.write(refusal_bytes(status, code))
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _head_without_upgrade(self) -> bytes:
        """The request's head as it was parsed, without the offer to upgrade."""
        lines = [
            b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        ]
        for name, value in self.headers:
            if name in _HOP_FIELDS:
                continue
            if name == b"connection":
                value = b", ".join(_tokens_kept(value.split(b",")))
                if not value:
                    continue
            lines.append(name + b": " + value)
        return b"\r\n".join(lines) + b"\r\n\r\n"


def _tokens_kept(tokens: Iterable[bytes]) -> list[bytes]:
    stripped = (token.strip() for token in tokens)
    return [token for token in stripped if token and token.lower() not in _HOP_FIELDS]


class _Clock:
    """Checks all connections of one server every `check_seconds`, while there are any."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self._seconds = limits.check_seconds
        self._timer: asyncio.TimerHandle | None = None
        self._checked_at = 0.0
        self.watched: set[BoundedProtocol] = set()

    def watch(self, connection: BoundedProtocol) -> None:
        self.watched.add(connection)
        if self._timer is None:
            self._checked_at = connection.loop.time()
            self._timer = connection.loop.call_later(self._seconds, self._check, connection.loop)

    def forget(self, connection: BoundedProtocol) -> None:
        self.watched.discard(connection)
        if not self.watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        elapsed, self._checked_at = now - self._checked_at, now
        self._timer = loop.call_later(self._seconds, self._check, loop)
        for connection in tuple(self.watched):
            connection.check(now, elapsed)


def bounded_protocol(limits: ConnectionLimits | None = None) -> type[BoundedProtocol]:
    """The class to pass to uvicorn as `http`: its connections share one set of bounds and one clock."""
    chosen = limits or ConnectionLimits()
    return type("Connection", (BoundedProtocol,), {"limits": chosen, "clock": _Clock(chosen)})
