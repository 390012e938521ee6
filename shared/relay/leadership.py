"""Who publishes which partition: an advisory lock per partition, held by a session of its own.

The session ends with its process, and Postgres ends it when it was silent for `idle_seconds`; so a stopped
process loses its partitions. It knows that itself, by the clock, before it is told: a leader whose last
heartbeat is old does nothing more.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import structlog

from shared.postgres import TRANSIENT_ERRORS, Connect, Connection, named_queries
from shared.runtime.backoff import Backoff

QUERIES: Final = named_queries("shared.relay")
LOCK_CLASS: Final = 0x72656C61
CONNECT_SECONDS: Final = 5.0
BACKOFF: Final = Backoff(first=0.1, longest=1.0)
SHORTEST_PAUSE_SECONDS: Final = 0.005
LONGEST_PAUSE_SECONDS: Final = 0.1

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a partition stands in the database: its last sequence, and how far it was published."""

    head: int
    published: int


class Leadership:
    """Holds as many partitions as it can get, tells of commits, and forgets everything with its connection.

    `on_beat` gets where each partition stands and returns whether there was news in it; `on_lost` is called
    once for each lost connection.
    """

    def __init__(
        self,
        connect: Connect,
        *,
        source: str,
        on_beat: Callable[[dict[int, Standing]], bool],
        on_lost: Callable[[], None],
        heartbeat_seconds: float,
        idle_seconds: float,
    ) -> None:
        self.term = 0
        """Counts the connections; a partition led in another term was perhaps led by others in between."""
        self.connected = asyncio.Event()
        self._connect = connect
        self._source = source
        self._on_beat = on_beat
        self._on_lost = on_lost
        self._heartbeat_seconds = heartbeat_seconds
        self._idle_seconds = idle_seconds
        self._connection: asyncpg.Connection | None = None
        self._lock = asyncio.Lock()
        self._held: frozenset[int] = frozenset()
        self._valid_until = 0.0
        self._notified = asyncio.Event()
        self._pause_seconds = SHORTEST_PAUSE_SECONDS

    @property
    def held(self) -> frozenset[int]:
        """The partitions that this instance leads now."""
        if self._held and asyncio.get_running_loop().time() < self._valid_until:
            return self._held
        return frozenset()

    def leads(self, partition: int) -> bool:
        """Whether this instance may publish `partition` now."""
        return partition in self._held and asyncio.get_running_loop().time() < self._valid_until

    def keeps(self, term: int) -> bool:
        """Whether the session of `term` is still there."""
        return self.term == term and self.connected.is_set()

    async def run(self) -> None:
        """Keeps a session for ever: connects, beats, and connects again when it was lost."""
        backoff = BACKOFF.failed()
        while True:
            term = self.term
            try:
                await self._keep_session()
            except (asyncpg.PostgresError, *TRANSIENT_ERRORS) as error:
                logger.warning("relay_session_lost", source=self._source, error=repr(error))
            was_well = self.term > term
            backoff = (backoff.succeeded() if was_well else backoff).failed()
            await asyncio.sleep(backoff.seconds)

    async def execute(self, query: str, *arguments: Any) -> None:
        """Runs a statement on the session that holds the locks, so that a former leader's cannot pass."""
        async with self._lock:
            if self._connection is None:
                raise asyncpg.InterfaceError("the relay has no session")
            await self._connection.execute(query, *arguments, timeout=self._idle_seconds)

    async def _keep_session(self) -> None:
        connection = await self._connect(
            timeout=CONNECT_SECONDS,
            command_timeout=self._idle_seconds,
            server_settings={
                "application_name": f"rahnama-{self._source}-relay",
                "idle_session_timeout": str(int(self._idle_seconds * 1000)),
                # what is written here is a lower bound and may be lost; no wait for the disk
                "synchronous_commit": "off",
            },
        )
        self._connection = connection
        connection.add_termination_listener(self._terminated)
        try:
            await connection.add_listener("log", self._notify)
            while True:
                await self._beat(connection)
                await self._pause()
        finally:
            self._lose(connection)
            connection.terminate()

    async def _beat(self, connection: asyncpg.Connection) -> None:
        """Proves the session alive, tries for free partitions, and reads where the log stands."""
        self._notified.clear()
        asked_at = asyncio.get_running_loop().time()
        async with self._lock:
            rows = await connection.fetch(QUERIES["beat"], LOCK_CLASS, sorted(self._held))
        if self._connection is not connection:
            raise asyncpg.InterfaceError("the session was closed")
        won = frozenset(row["partition"] for row in rows if row["won"])
        self._held |= won
        # Postgres counts from the last statement's end, this clock from its beginning: it is ahead.
        self._valid_until = asked_at + 0.9 * self._idle_seconds
        if not self.connected.is_set():
            self.term += 1
            self.connected.set()
        if won:
            logger.info("relay_leads", source=self._source, partitions=sorted(self._held))
        news = self._on_beat({row["partition"]: Standing(row["head"], row["published"]) for row in rows})
        self._pause_seconds = (
            SHORTEST_PAUSE_SECONDS if news else min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
        )

    async def _pause(self) -> None:
        """Until somebody commits or a heartbeat is due.

        Most notifications are this process' own, of events that were offered already; while they bring no
        news, more of them share one question.
        """
        try:
            async with asyncio.timeout(self._heartbeat_seconds):
                await self._notified.wait()
                await asyncio.sleep(self._pause_seconds)
        except TimeoutError:
            return

    def _notify(self, *_: object) -> None:
        self._notified.set()

    def _terminated(self, connection: Connection) -> None:
        self._lose(connection)
        self._notified.set()

    def _lose(self, connection: Connection) -> None:
        if self._connection is not connection:
            return
        self._connection = None
        self._held = frozenset()
        self._valid_until = 0.0
        if self.connected.is_set():
            self.connected.clear()
            self._on_lost()
