"""The transactions of the writer: what a batch does is `batch.py`'s, its begin and commit are `commit.py`'s."""

import time
from collections.abc import Callable, Sequence

from services.intake.append.batch import Tools, Work, Writing
from services.intake.append.commit import transaction
from services.intake.append.fresh_keys import FreshKeys
from services.intake.append.metrics import count_answers
from services.intake.append.result import Result
from services.intake.append.sealing import Keyring
from services.intake.append.writer import Submission
from shared.append.clock import Clock
from shared.append.log import Appended, Log
from shared.postgres import Pool
from shared.telemetry import AppendSpans, Telemetry


class Appender:
    """Runs the transactions of the writer. `published` is told of events after their commit.

    It is not told of the students that a roster reissued: they may be very many, and the relay reads them.
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
