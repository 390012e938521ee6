"""How far the ledger is: audit has no log of its own."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from shared.http import InboxPosition, LogPosition
from shared.inbox.log_inbox import InboxPosition as Applied
from shared.postgres import Pool, named_queries

QUERIES: Final = named_queries("services.audit.query")


class AuditPositions:
    """Answers `GET /v1/positions` and reads that wait for a position, from the database that is read from."""

    def __init__(self, pool: Pool, applied: Callable[[], Awaitable[Sequence[Applied]]]) -> None:
        self._pool = pool
        self._applied = applied

    async def log(self) -> Sequence[LogPosition]:
        """Empty: audit has no log."""
        return ()

    async def inbox(self) -> Sequence[InboxPosition]:
        """By source and partition: the last event in the ledger, and the newest one on the topic."""
        return [
            InboxPosition(row.source, row.partition, row.applied, row.newest) for row in await self._applied()
        ]

    async def applied(self, source: str, partition: int) -> int | None:
        """The last sequence in the ledger; None for what is no partition of a log."""
        applied: int | None = await self._pool.fetchval(QUERIES["applied"], source, partition)
        return applied
