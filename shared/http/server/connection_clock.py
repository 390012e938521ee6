"""What is common to all connections of a server: one timer that checks each of them, and the bytes that wait in them."""

import asyncio
from typing import Protocol


class Watched(Protocol):
    """A connection with bounds in time."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport

    @property
    def idle_since(self) -> float | None:
        """When it became idle, in the loop's time; None while it is not."""

    @property
    def waiting_bytes(self) -> int:
        """Bytes of bodies that arrived and that no application has taken."""

    def check(self, now: float, elapsed: float) -> None:
        """Ends the connection if what it is doing has taken too long; `elapsed` seconds after the last check."""


class ConnectionClock:
    """Checks the connections that it watches every `check_seconds`, while there are any.

    What waits in them is added up again after each quarter of `waiting_bytes` that arrives, so at most five quarters wait.
    """

    def __init__(self, check_seconds: float, waiting_bytes: int) -> None:
        self._seconds = check_seconds
        self._waiting_bytes = waiting_bytes
        self._arrived_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._checked_at = 0.0
        self.watched: set[Watched] = set()

    def watch(self, connection: Watched) -> None:
        """Until `forget`."""
        self.watched.add(connection)
        if self._timer is None:
            self._checked_at = connection.loop.time()
            self._timer = connection.loop.call_later(self._seconds, self._check, connection.loop)

    def forget(self, connection: Watched) -> None:
        """The connection has ended."""
        self.watched.discard(connection)
        if not self.watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def has_room(self, arrived: int) -> bool:
        """Whether `arrived` more bytes of a body may wait. They are counted in its connection already."""
        self._arrived_bytes += arrived
        if 4 * self._arrived_bytes < self._waiting_bytes:
            return True
        self._arrived_bytes = 0
        return sum(connection.waiting_bytes for connection in self.watched) <= self._waiting_bytes

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        elapsed, self._checked_at = now - self._checked_at, now
        self._timer = loop.call_later(self._seconds, self._check, loop)
        for connection in tuple(self.watched):
            connection.check(now, elapsed)
