"""How far allocation's log and inbox are."""

from collections.abc import Awaitable, Callable, Sequence

from services.allocation.query.reads import QUERIES
from shared.contracts.decisions import ALLOCATION_SOURCE
from shared.http import InboxPosition, LogPosition
from shared.inbox.log_inbox import InboxPosition as Applied
from shared.postgres import Pool


class AllocationPositions:
    """Answers `GET /v1/positions` and reads that wait for a position, from the database that is read from."""

    def __init__(
        self,
        pool: Pool,
        published: Callable[[], dict[int, int]],
        applied: Callable[[], Awaitable[Sequence[Applied]]],
    ) -> None:
        self._pool = pool
        self._published = published
        self._applied = applied

    async def log(self) -> Sequence[LogPosition]:
        """By partition: the last sequence, and the last one known to be on the topic."""
        known = self._published()
        return [
            LogPosition(row["partition"], row["last"], max(row["published"], known.get(row["partition"], 0)))
            for row in await self._pool.fetch(QUERIES["log_positions"])
        ]

    async def inbox(self) -> Sequence[InboxPosition]:
        """By partition of intake's log: the last fact applied, and the newest one on the topic."""
        return [
            InboxPosition(row.source, row.partition, row.applied, row.newest) for row in await self._applied()
        ]

    async def applied(self, source: str, partition: int) -> int | None:
        """How far reads show intake's facts or the own decisions; None for anything else."""
        if source == ALLOCATION_SOURCE:
            end: int | None = await self._pool.fetchval(QUERIES["log_end"], partition)
            return end
        applied: int | None = await self._pool.fetchval(QUERIES["applied"], source, partition)
        return applied
