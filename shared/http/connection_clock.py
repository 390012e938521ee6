"""One timer for all connections of a server: what each has to do in time is checked once a second."""

import asyncio
from typing import Protocol


class Watched(Protocol):
    """A connection with bounds in time."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport

    @property
    def idle_since(self) -> float | None:
        """When it became idle, in the loop's time; None while it is not."""

    def check(self, now: float, elapsed: float) -> None:
        """Ends the connection if what it is doing has taken too long; `elapsed` seconds after the last check."""


class ConnectionClock:
    """Checks the connections that it watches every `check_seconds`, while there are any."""

    def __init__(self, check_seconds: float) -> None:
        self._seconds = check_seconds
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

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        elapsed, self._checked_at = now - self._checked_at, now
        self._timer = loop.call_later(self._seconds, self._check, loop)
        for connection in tuple(self.watched):
            connection.check(now, elapsed)
