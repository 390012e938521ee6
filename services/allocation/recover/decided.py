"""The decisions of one partition as its log has them, taken fact by fact."""

from collections import deque
from typing import Final

from shared.contracts.decisions import ALLOCATION_SOURCE, Decision, decode_decision
from shared.contracts.envelope import decode
from shared.errors import CannotRecover, Unapplicable
from shared.postgres import Connection, named_queries

QUERIES: Final = named_queries("services.allocation.recover")
READ_ROWS: Final = 2000


class Decided:
    """Reads the log in pieces. `taken` is the sequence of the last decision that was given out."""

    def __init__(self, connection: Connection, partition: int) -> None:
        self.taken = 0
        self._connection = connection
        self._partition = partition
        self._read = 0
        self._kept: deque[tuple[int, str, Decision]] = deque()

    async def of(self, fact_id: str) -> list[tuple[int, Decision]]:
        """What the fact with this event id led to, in order, if these decisions come next; each with its sequence.

        Raises `Unapplicable` for a row that holds no decision.
        """
        found = []
        while (self._kept or await self._read_on()) and self._kept[0][1] == fact_id:
            self.taken, _, decision = self._kept.popleft()
            found.append((self.taken, decision))
        return found

    async def require_end(self, head: int) -> None:
        """Raises `CannotRecover` unless every decision was taken."""
        if self.taken != head:
            raise CannotRecover(
                f"partition {self._partition}: no fact was found for the decisions after {self.taken} of {head}"
            )

    async def _read_on(self) -> bool:
        rows = await self._connection.fetch(QUERIES["decisions"], self._partition, self._read, READ_ROWS)
        for row in rows:
            try:
                decision = decode_decision(row["type"], decode(row["value"]).data)
            except KeyError:
                reason = f"this release knows no type {row['type']}"
                raise Unapplicable(ALLOCATION_SOURCE, self._partition, row["sequence"], reason) from None
            except ValueError as error:
                reason = f"it is no event of the type {row['type']} ({type(error).__name__})"
                raise Unapplicable(ALLOCATION_SOURCE, self._partition, row["sequence"], reason) from error
            self._kept.append((row["sequence"], row["causation_id"], decision))
        if rows:
            self._read = rows[-1]["sequence"]
        return bool(rows)
