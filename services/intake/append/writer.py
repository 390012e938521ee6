"""Group commit: everyone who waits shares the next transaction.

Requests and polls are queued, and one or two transactions at a time take as many as fit, of single events after a
moment in which more may come (`linger.py`). Nobody is answered before the commit. A transaction that lost against
another writer is tried again; one submission that spoils a shared transaction is tried alone, so that it fails alone.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg
import structlog

from services.intake.append.decide_batch import ReceivedEvent
from services.intake.append.idempotency import Result
from services.intake.append.inbound import InboundSlice
from services.intake.append.metrics import QUEUE, QUEUE_LIMIT
from shared.append.linger import MANY_EVENTS, Linger
from shared.errors import Conflict, OutcomeUnknown, StalePosition, Unavailable
from shared.postgres import TRANSIENT_ERRORS
from shared.runtime.backoff import Backoff
from shared.telemetry.metrics import Values

ATTEMPTS: Final = 5
BACKOFF: Final = Backoff(first=0.005, longest=0.08)

_log = structlog.get_logger("rahnama.intake")

LOST_RACES: Final = (
    Conflict,
    asyncpg.UniqueViolationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)
"""Another writer was first: what it wrote is seen when the work is done again."""


@dataclass(slots=True, eq=False)
class Submission:
    """What one request or one poll waits for since `came_at`; the answers stand in the order of the arrivals."""

    arrivals: Sequence[ReceivedEvent]
    slices: Sequence[InboundSlice]
    answers: "asyncio.Future[list[Result]]"
    came_at: float


Transact = Callable[[Sequence[Submission], bool], Awaitable[list[list[Result]]]]
"""One transaction for all submissions, alone in their tenants if so asked; the answers of each, after the commit."""


class Busy(Unavailable):
    """Too many events wait already. Send it again a little later."""

    code = "BUSY"


class Writer:
    """The queue before the transactions.

    `batch_events` bounds one, `queued_events` what waits; single events of several senders wait `gather_seconds`.
    A poll is queued even when the queue is full: it is one at a time, its records are there already, and beside senders
    who take each place that becomes free it would never find as many as it needs.
    """

    def __init__(
        self,
        transact: Transact,
        *,
        batch_events: int,
        queued_events: int,
        in_flight: int,
        gather_seconds: float = 0.0,
        batch_done: Callable[[], None] = lambda: None,
    ) -> None:
        self._transact = transact
        self._batch_events = batch_events
        self._queued_events = queued_events
        self._in_flight = in_flight
        self._batch_done = batch_done
        self._queue: deque[Submission] = deque()
        self._waiting = 0
        self._refuses = False
        self._arrived = asyncio.Event()
        self._linger = Linger(gather_seconds, min(MANY_EVENTS, batch_events, queued_events))
        self._workers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begins to take what is queued."""
        QUEUE.watch(self._queued)
        QUEUE_LIMIT.watch(self._limit)
        self._workers = [
            asyncio.create_task(self._work(), name=f"intake writer {number}")
            for number in range(self._in_flight)
        ]

    async def stop(self) -> None:
        """Ends after the transactions that run; whoever still waits is told to come again."""
        QUEUE.forget(self._queued)
        QUEUE_LIMIT.forget(self._limit)
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        while self._queue:
            _fail([self._queue.popleft()], Unavailable("the service stops"))
        self._waiting = 0

    def alive(self) -> str | None:
        """None, or why nothing can be appended."""
        if not self._workers or any(worker.done() for worker in self._workers):
            return "the writer does not run"
        return None

    def _queued(self) -> Values:
        return [(self._waiting, {})]

    def _limit(self) -> Values:
        return [(self._queued_events, {})]

    def require_room(self) -> None:
        """Raises `Busy` while others are refused: what would be refused too need not be read.

        From the first that finds no room until the next transaction has taken its events.
        """
        if self._refuses:
            raise Busy(f"{self._waiting} events wait already")

    async def submit(
        self, arrivals: Sequence[ReceivedEvent], slices: Sequence[InboundSlice] = ()
    ) -> list[Result]:
        """The answers to `arrivals`, after their commit; `slices` are the positions that move with them.

        Raises `Busy` when too many wait (without `slices` only), `GateClosed`, `StalePosition` for `slices`, `OutcomeUnknown` when the
        connection was lost in the commit, and `Unavailable` when nothing was kept.
        """
        if not self._workers:
            raise Unavailable("the service does not run")
        if not slices and self._waiting and self._waiting + len(arrivals) > self._queued_events:
            self._refuses = True
            self._linger.refused()
            raise Busy(f"{self._waiting} events wait already")
        loop = asyncio.get_running_loop()
        submission = Submission(arrivals, slices, loop.create_future(), loop.time())
        self._queue.append(submission)
        self._waiting += len(arrivals)
        self._linger.came(len(self._queue), self._waiting)
        self._arrived.set()
        try:
            return await submission.answers
        except asyncio.CancelledError:
            self._discard(submission)
            raise

    def _discard(self, submission: Submission) -> None:
        """What nobody waits for any more takes no place, unless a transaction has it already."""
        if submission in self._queue:
            self._queue.remove(submission)
            self._waiting -= len(submission.arrivals)

    async def _work(self) -> None:
        while True:
            batch = await self._next_batch()
            # A stop waits for the transaction that runs: its outcome must be known to those who wait.
            settling = asyncio.ensure_future(self._settle(batch))
            try:
                await asyncio.shield(settling)
            except asyncio.CancelledError:
                await settling
                raise
            self._batch_done()

    async def _next_batch(self) -> list[Submission]:
        """What is written next, at least one. Another worker may take what this one has waited for."""
        while True:
            while not self._queue:
                self._arrived.clear()
                await self._arrived.wait()
            await self._linger.wait(self._queue[0].came_at, len(self._queue), self._waiting)
            if batch := self._take():
                return batch

    def _take(self) -> list[Submission]:
        batch: list[Submission] = []
        events = 0
        self._refuses = False
        while self._queue and (not batch or events + len(self._queue[0].arrivals) <= self._batch_events):
            submission = self._queue.popleft()
            self._waiting -= len(submission.arrivals)
            if not submission.answers.done():
                batch.append(submission)
                events += len(submission.arrivals)
        return batch

    async def _settle(self, batch: Sequence[Submission]) -> None:
        try:
            for submission, answers in zip(batch, await self._attempt(batch), strict=True):
                if not submission.answers.done():
                    submission.answers.set_result(answers)
        except Unavailable as error:
            _fail(batch, error)
        except Exception as error:
            if len(batch) == 1:
                _fail(batch, error)
                return
            for submission in batch:
                await self._settle([submission])

    async def _attempt(self, batch: Sequence[Submission]) -> list[list[Result]]:
        """The answers of one transaction; a lost race is run again, a bounded number of times.

        The second time it runs alone: where many send the same people at once, it would go on losing.
        """
        backoff = BACKOFF
        for attempt in range(ATTEMPTS):
            try:
                answers = await self._transact(batch, attempt > 0)
                self._linger.written(len(batch), others=len(self._queue))
                return answers
            except (StalePosition, OutcomeUnknown):
                raise
            except LOST_RACES as error:
                _log.info(
                    "race_lost",
                    error=type(error).__name__,
                    constraint=getattr(error, "constraint_name", None),
                    attempt=attempt + 1,
                )
                backoff = backoff.failed()
                await asyncio.sleep(backoff.seconds * (0.5 + random.random()))  # noqa: S311
            except TRANSIENT_ERRORS as error:
                raise Unavailable("the database did not answer; nothing was kept") from error
        raise Unavailable(f"another writer was first, {ATTEMPTS} times; nothing was kept")


def _fail(batch: Sequence[Submission], error: Exception) -> None:
    for submission in batch:
        if not submission.answers.done():
            submission.answers.set_exception(error)
