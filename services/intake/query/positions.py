"""How far intake's log and its inbox are."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from shared.append.log import Log
from shared.contracts.facts import INTAKE_SOURCE
from shared.http.positions import InboxPosition, LogPosition
from shared.postgres import Pool, named_queries

QUERIES: Final = named_queries("services.intake.query")
INBOUND: Final = "inbound"


class IntakePositions:
    """`published` tells how far the relay is, `newest` where each partition of `rahnama.inbound` ends."""

    def __init__(
        self,
        pool: Pool,
        log: Log,
        published: Callable[[], Mapping[int, int]],
        newest: Callable[[], Mapping[int, int]],
    ) -> None:
        self._pool = pool
        self._log = log
        self._published = published
        self._newest = newest

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
        newest = self._newest()
        return [
            InboxPosition(INBOUND, row["partition"], row["next_offset"], newest.get(row["partition"]))
            for row in await self._pool.fetch(QUERIES["inbound"])
        ]

    async def applied(self, source: str, partition: int) -> int | None:
        """What reads show: the log's head (projections move with it), or the applied offset."""
        if source == INTAKE_SOURCE:
            return next((item.last for item in await self.log() if item.partition == partition), None)
        if source == INBOUND:
            return next((item.applied for item in await self.inbox() if item.partition == partition), None)
        return None
