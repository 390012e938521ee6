"""Facts and decisions of one partition evolved again, in the order in which they were applied. Nothing is decided."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Final

import asyncpg

from services.allocation.decide import Cause, PartitionState, evolve, needs
from services.allocation.inbox.facts import cause_of
from services.allocation.project.load import load_students
from services.allocation.project.write import Funnels, write_changes
from services.allocation.recover.decided import Decided
from shared.contracts.decisions import ALLOCATION_SOURCE, StudentWaitlisted
from shared.contracts.facts import INTAKE_SOURCE
from shared.errors import CannotRecover, Fork, Unapplicable
from shared.inbox.positions import Position, Received, Slice
from shared.postgres import Connection
from shared.recover.continuation import BEGINNING, Standing, continuation
from shared.recover.foreign import ForeignRecords
from shared.recover.reading import TopicReader

Rest = Callable[[], Awaitable[None]]

CONTRADICTIONS: Final = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, AssertionError)
"""What evolving raises where a decision does not fit the state: it was not decided on it, somebody wrote it."""
UNSTORABLE: Final = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError)


class PositionDiffers(Fork):
    """The fact at the position has another hash than the one that was applied."""


async def no_rest() -> None:
    """For a command that has the database and the processor for itself."""


class PartitionReplay:
    """One partition's way from its first fact to the position of the inbox.

    Records on the topic that are no facts are passed over, and added to `foreign`: the position's hash proves the facts.
    """

    def __init__(self, connection: Connection, number: int, position: Position, rest: Rest = no_rest) -> None:
        self.foreign = ForeignRecords()
        self._connection = connection
        self._number = number
        self._position = position
        self._state = PartitionState(number % 2)
        self._decided = Decided(connection, number)
        self._rest = rest

    async def run(self, reader: TopicReader, topic: str, head: int) -> None:
        """Evolves all that was applied, and writes the rows that follow. `rest` is awaited after each slice.

        Raises `CannotRecover` when facts and decisions do not lead to the position and the head, `PositionDiffers`
        when the position is another fact's, `Unapplicable` for a decision that cannot be evolved, and what
        `continuation` raises for the topic.
        """
        standing = Standing(BEGINNING)
        if self._position.sequence == 0 and self._position != BEGINNING:
            raise CannotRecover(f"partition {self._number}: nothing was applied, but the position has a hash")
        if self._position.sequence:
            slices = continuation(reader, INTAKE_SOURCE, topic, self._number, standing, self.foreign)
            async with aclosing(slices):
                async for slice_ in slices:
                    await self._apply(slice_)
                    standing.position = slice_.reached
                    await self._rest()
                    if standing.position.sequence >= self._position.sequence:
                        break
        if standing.position.sequence < self._position.sequence:
            raise CannotRecover(
                f"partition {self._number}: {topic} ends at {standing.position.sequence}, but"
                f" {self._position.sequence} was applied; start intake, which fills it again, or recover intake"
            )
        await self._decided.require_end(head)

    async def _apply(self, slice_: Slice[Standing]) -> None:
        records = [record for record in slice_.records if record.sequence <= self._position.sequence]
        last = records[-1]
        if last.sequence == self._position.sequence and last.hash != self._position.hash:
            reason = f"its hash is {last.hash.hex()}, but {self._position.hash.hex()} was applied"
            raise PositionDiffers(INTAKE_SOURCE, self._number, last.sequence, reason)
        causes = [cause_of(slice_, record) for record in records]
        rows = await load_students(self._connection, [(self._number, needs(self._state, causes))])
        self._state.load(rows.get(self._number, ()))
        funnels: Funnels = {}
        for record, cause in zip(records, causes, strict=True):
            await self._evolve(record, cause, funnels)
        try:
            await write_changes(self._connection, [(self._number, self._state)], funnels)
        except UNSTORABLE as error:
            reason = f"the rows that follow from it and the decisions before it cannot be stored ({error})"
            raise Unapplicable(ALLOCATION_SOURCE, self._number, self._decided.taken, reason) from error
        self._state.forget()

    async def _evolve(self, record: Received, cause: Cause, funnels: Funnels) -> None:
        with self._evolving(self._decided.taken, "the fact after it"):
            evolve(self._state, cause, cause.fact)
        for sequence, decision in await self._decided.of(record.envelope.id):
            with self._evolving(sequence, "it"):
                evolve(self._state, cause, decision)
            if isinstance(decision, StudentWaitlisted):
                funnels[self._number, cause.tenant, decision.year, decision.student_id] = decision.funnel

    @contextmanager
    def _evolving(self, sequence: int, what: str) -> Iterator[None]:
        try:
            yield
        except CONTRADICTIONS as error:
            reason = f"{what} does not follow from the decisions before ({type(error).__name__})"
            raise Unapplicable(ALLOCATION_SOURCE, self._number, sequence, reason) from error
