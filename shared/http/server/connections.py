"""HTTP/1.1 connections with bounds that hold before a request is authenticated.

uvicorn's httptools protocol reads a header block of any size for any time, and stops parsing a request that offers an
upgrade (`Upgrade: h2c`), so that its body is lost or is read as the next request. `bounded_protocol` returns a subclass
that bounds connections, header blocks, trailers, pipelined requests, the bytes of bodies that wait, and the time that
each of them takes, and that ignores offers to upgrade. See ADR 11.
"""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from shared.http.server.bounded_requests import ENDING, BoundedRequests, HeldFlow, Phase
from shared.http.server.connection_clock import ConnectionClock
from shared.http.server.connection_limits import (
    REFUSED,
    REQUEST_TIMEOUT,
    TOO_MANY_BYTES,
    TOO_MANY_CONNECTIONS,
    ConnectionLimits,
    refusal_bytes,
)
from shared.http.server.connection_progress import Progress


class BoundedProtocol(BoundedRequests):
    """One connection. Made by uvicorn through the class that `bounded_protocol` returns."""

    clock: ClassVar[ConnectionClock]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._running: RequestResponseCycle | None = None
        self._writing = Progress(
            self.limits.write_bytes_per_second, self.limits.write_seconds, self.loop.time()
        )

    # What uvicorn calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = HeldFlow(transport)
        self._since = self.loop.time()
        self.clock.watch(self)
        if len(self.connections) > self.limits.connections and not self._close_longest_idle():
            self._refuse(*TOO_MANY_CONNECTIONS)
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.clock.forget(self)
        super().connection_lost(exc)

    def eof_received(self) -> None:
        if self._phase is Phase.REFUSED:
            self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        if not self.clock.has_room(len(body)):
            self._raise(TOO_MANY_BYTES)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._writing.restart(self.loop.time(), -self.transport.get_write_buffer_size())

    # Bounds

    def check(self, now: float, elapsed: float) -> None:
        """Ends the connection if what it is doing has taken too long. Called every `check_seconds`."""
        limits, idle_since = self.limits, self.idle_since
        if self._is_write_stalled(now):
            self.transport.abort()
        elif self._phase is Phase.REFUSED:
            if now - self._since > limits.linger_seconds:
                self.transport.abort()
        elif self.flow.read_paused:
            self._since += elapsed
            self._reading.exclude(elapsed)
        elif self._phase in (Phase.WAITING, Phase.HEAD):
            if now - self._since > limits.header_seconds:
                self._refuse(*REQUEST_TIMEOUT)
        elif self._phase is Phase.BODY:
            if now - self._since > limits.body_seconds or self._reading.is_stalled(now, self._body_bytes):
                self._refuse(*REQUEST_TIMEOUT)
        elif idle_since is not None and now - idle_since > self.timeout_keep_alive:
            # uvicorn's own timer ends with the next byte, also with the last one of a body answered before its end.
            self.transport.close()

    def _is_write_stalled(self, now: float) -> bool:
        waiting = self.transport.get_write_buffer_size()
        # A closing connection may never count as answered: nobody answers what waits behind its last answer.
        ends = self._is_answered or self.transport.is_closing()
        if waiting == 0 or not (self.flow.write_paused or ends):
            self._writing.restart(now, -waiting)
            return False
        return self._writing.is_stalled(now, -waiting)

    @property
    def _is_answered(self) -> bool:
        return (self.cycle is None or self.cycle.response_complete) and not self.pipeline

    @property
    def idle_since(self) -> float | None:
        """When it became idle, in the loop's time; None while a request is read or answered, and once it closes."""
        waiting = self._phase in (Phase.WAITING, Phase.ANSWERING) and self._is_answered
        return self._since if waiting and not self.transport.is_closing() else None

    @property
    def waiting_bytes(self) -> int:
        """Bytes of bodies that arrived and that no application has taken."""
        cycles = [cycle for cycle, _ in self.pipeline]
        # The one that runs is not `cycle` once others wait behind it; a refused one is neither, but still held.
        cycles += [one for one in {self._running, self.cycle} if one is not None and one not in cycles]
        return len(self._unparsed) + sum(len(cycle.body) for cycle in cycles)

    def _close_longest_idle(self) -> bool:
        idle = [other for other in self.clock.watched if other is not self and other.idle_since is not None]
        if not idle:
            return False
        REFUSED.add(1, {"reason": "IDLE_EVICTED"})
        min(idle, key=lambda other: other.idle_since or 0.0).transport.close()
        return True

    def _refuse(self, status: HTTPStatus, code: str) -> None:
        """Ends the connection. What was read whole keeps its answer: a status would be taken for it."""
        if self._phase in ENDING or self.transport.is_closing():
            return
        REFUSED.add(1, {"reason": code})
        self._unset_keepalive_if_required()
        self._unparsed = b""
        self.flow.release()
        cycle: RequestResponseCycle | None = self.cycle
        within_body = self._phase is Phase.BODY
        if within_body and self.pipeline:  # the request that is ended waits for the answers of others
            self.pipeline.popleft()
            cycle, within_body = self._whole, False
        if cycle is not None and not cycle.response_complete:
            if not within_body:
                self._phase, cycle.keep_alive = Phase.CLOSING, False
                return
            if cycle.response_started:
                self.transport.abort()
                return
            cycle.disconnected = True  # what the application sees, and what makes its answer go nowhere
            cycle.message_event.set()
        self._phase, self._since = Phase.REFUSED, self.loop.time()
        if not (within_body and cycle is not None and cycle.response_complete):
            self.transport.write(refusal_bytes(status, code))
        if self.transport.can_write_eof():
            self.transport.write_eof()


def bounded_protocol(limits: ConnectionLimits | None = None) -> type[BoundedProtocol]:
    """The class to pass to uvicorn as `http`: its connections share one set of bounds and one clock."""
    chosen = limits or ConnectionLimits()
    clock = ConnectionClock(chosen.check_seconds, chosen.waiting_bytes)
    return type("Connection", (BoundedProtocol,), {"limits": chosen, "clock": clock})
