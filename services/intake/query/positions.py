"""How far intake's log and its inbox are."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from shared.append.log import Log
from shared.contracts.facts import INTAKE_SOURCE
from shared.http import InboxPosition, LogPosition
from shared.inbox.assigned_partition import InboxPosition as Applied
from shared.postgres import Pool, named_queries

QUERIES: Final = named_queries("services.intake.query")
INBOUND: Final = "inbound"


class IntakePositions:
    """`published` tells how far the relay is, `inbox` how far `rahnama.inbound` was applied and where it ends."""

    def __init__(
        self,
        pool: Pool,
        log: Log,
        published: Callable[[], Mapping[int, int]],
        inbox: Callable[[], Awaitable[Sequence[Applied]]],
    ) -> None:
        self._pool = pool
        self._log = log
        self._published = published
        self._inbox = inbox

    async def log(self) -> Sequence[LogPosition]:
        """By partition."""
        async with self._pool.acquire() as connection:
            heads = await self._log.heads(connection)
        published = self._published()
        return [
            LogPosition(partition, head.sequence, published.get(partition, 0))
            for partition, head in sorted(heads.items())
        ]

    async def inbox(self) -> Sequence[InboxPosition]:
        """The next offset of each partition of `rahnama.inbound`, and its end offset if it is known."""
        return [
            InboxPosition(row.source, row.partition, row.applied, row.newest) for row in await self._inbox()
        ]

    async def applied(self, source: str, partition: int) -> int | None:
        """What reads show: the log's head (projections move with it), or the applied offset."""
        if source == INTAKE_SOURCE:
            return next((item.last for item in await self.log() if item.partition == partition), None)
        if source == INBOUND:
            applied: int | None = await self._pool.fetchval(QUERIES["inbound"], partition)
            return applied
        return None
