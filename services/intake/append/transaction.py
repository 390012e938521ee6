"""The transactions of the writer: how one begins and ends. What a batch does in between is `batch.py`'s."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg
from asyncpg.transaction import Transaction

from services.intake.append.batch import Tools, Work, Writing
from services.intake.append.idempotency import Result
from services.intake.append.metrics import count_answers
from services.intake.append.writer import Submission
from services.intake.crypto.key_record import FreshKeys
from services.intake.crypto.sealing import Keyring
from shared.append.clock import Clock
from shared.append.log import Appended, Log
from shared.errors import OutcomeUnknown
from shared.postgres import TRANSIENT_ERRORS, Connection, Pool
from shared.telemetry import AppendSpans, Telemetry


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """A connection in a transaction, which commits at the end of the block and rolls back when the block raises.

    Raises `OutcomeUnknown` when the connection was lost during the commit.
    """
    async with _borrowed(pool) as connection:
        begun = connection.transaction()
        await begun.start()
        try:
            yield connection
        except BaseException:
            await _roll_back(connection, begun)
            raise
        try:
            await begun.commit()
        except TRANSIENT_ERRORS as error:
            _end(connection)
            raise OutcomeUnknown("the connection was lost during the commit; send it again") from error


@asynccontextmanager
async def _borrowed(pool: Pool) -> AsyncIterator[Connection]:
    """A connection of the pool. An error when it is given back does not concern what was committed on it."""
    connection = await pool.acquire()
    try:
        yield connection
    finally:
        with contextlib.suppress(*TRANSIENT_ERRORS):
            await pool.release(connection)


async def _roll_back(connection: Connection, begun: Transaction) -> None:
    """What cannot be rolled back ends with its connection; the first error is the one that is raised."""
    try:
        await begun.rollback()
    except TRANSIENT_ERRORS:
        _end(connection)


def _end(connection: Connection) -> None:
    with contextlib.suppress(asyncpg.InterfaceError):  # the pool has parted from it already
        connection.terminate()


class Appender:
    """Runs the transactions of the writer. `published` is called with events after their commit.

    It does not get the students that a roster reissued: they may be very many, and the relay reads them.
    """

    def __init__(
        self,
        pool: Pool,
        log: Log,
        keyring: Keyring,
        telemetry: Telemetry,
        *,
        partitions: int,
        fresh_keys: FreshKeys,
        published: Callable[[Sequence[Appended]], None],
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._gate = log.gate
        self._telemetry = telemetry
        self._tools = Tools(log, keyring, partitions)
        self._fresh_keys = fresh_keys
        self._published = published
        self._clock = clock

    async def transact(self, submissions: Sequence[Submission], alone: bool = False) -> list[list[Result]]:
        """Settles all submissions, or none; `alone`, so that no other writer is in their tenants.

        Raises `OutcomeUnknown` when the commit's answer was lost.
        """
        self._gate.require_open()
        began = time.perf_counter()
        arrivals = [arrival for submission in submissions for arrival in submission.arrivals]
        slices = [item for submission in submissions for item in submission.slices]
        with AppendSpans(self._telemetry, self._tools.log.topic) as spans:
            async with transaction(self._pool) as connection:
                work = Work(arrivals, slices, alone, self._clock())
                written = await Writing(connection, work, self._tools, spans).write()
        self._fresh_keys.keep(written.keys)
        self._published(written.appended)
        count_answers(arrivals, written.results, time.perf_counter() - began)
        results = iter(written.results)
        return [[next(results) for _ in submission.arrivals] for submission in submissions]
