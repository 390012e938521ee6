"""PostgreSQL as far as the services can tell: sessions, transactions, locks, commits, and what may go wrong."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

import asyncpg

from tests.simulation.schema import schema_of
from tests.simulation.sessions import SERVER, Operation, Session, aborted, lost_connection
from tests.simulation.statements import LockName, MustWait, Statement, Work
from tests.simulation.tables import Snapshot, Tables

IDLE_IN_TRANSACTION_SECONDS: Final = 15.0


class Database(Tables):
    """One service's database. `fate(session, what)` names the fault that an operation meets, or None."""

    def __init__(
        self, service: str, partitions: int, loop: asyncio.AbstractEventLoop, chance: random.Random
    ) -> None:
        super().__init__(schema_of(service, partitions))
        self.service = service
        self.loop = loop
        self.chance = chance
        self.down = False
        self.unknown: list[str] = []
        """Queries that nobody has written here; services catch what such a one raises."""
        self.fate: Callable[[str], str | None] = lambda what: None
        self._holders: dict[LockName, dict[Work, bool]] = {}
        self._session_locks: dict[LockName, Session] = {}
        self._waiting: list[Operation] = []
        self.sessions: list[Session] = []

    # --- what statements ask for

    def take(self, work: Work, lock: LockName, *, exclusive: bool) -> None:
        """Gives a lock for the rest of the transaction. Raises `MustWait`."""
        holders = self._holders.get(lock)
        if holders is None:
            self._holders[lock] = {work: exclusive}
            work.locks.append(lock)
            return
        others = {other for other, alone in holders.items() if other is not work and (alone or exclusive)}
        if others:
            raise MustWait(lock, others)
        if work not in holders:
            work.locks.append(lock)
        holders[work] = exclusive or holders.get(work, False)

    def try_session_lock(self, session: Session, lock: LockName) -> bool:
        """A lock until the session ends."""
        if self._session_locks.get(lock, session) is not session:
            return False
        self._session_locks[lock] = session
        session.locks.add(lock)
        return True

    # --- what connections ask for

    def begin_operation(self, operation: Operation, delay: float) -> None:
        """The statement reaches the server after `delay` seconds."""
        self.loop.call_later(delay, self._arrive, operation, context=SERVER)

    def watch_deadline(self, operation: Operation) -> None:
        """An operation that takes its time is given up by the client in the end."""
        left = max(0.0, operation.deadline - self.loop.time())
        self.loop.call_later(left, self._expire, operation, context=SERVER)

    def cancel(self, operation: Operation) -> None:
        """The client does not want the answer any more: what has not happened yet may still happen, or not."""
        if operation.arrived:
            if operation in self._waiting:
                self._waiting.remove(operation)
                self._fail(operation)
        elif self.chance.random() < 0.5:
            self._arrive(operation)
            if operation in self._waiting:
                self._waiting.remove(operation)
                self._fail(operation)
        else:
            operation.arrived = True
            self._fail(operation)

    def end_session(self, session: Session, error: Exception | None = None) -> None:
        """The connection is gone: its transaction rolls back, its locks are free; the client learns `error`."""
        if not session.alive:
            return
        session.alive = False
        self.sessions.remove(session)
        self._waiting = [operation for operation in self._waiting if operation.session is not session]
        if session.work is not None:
            self.end_work(session.work, commit=False)
        for lock in session.locks:
            self._session_locks.pop(lock, None)
        session.locks.clear()
        session.client.lost(error)

    def end_work(self, work: Work, *, commit: bool) -> None:
        """Commits or rolls back; whoever waited for it tries again."""
        if work.ended:
            return
        work.ended = True
        if work.session.work is work:
            work.session.work = None
        if commit and not work.failed:
            self.apply(work.writes)
            for channel in work.notifies:
                for session in self.sessions:
                    if channel in session.channels:
                        session.client.notified(channel)
        for lock in work.locks:
            holders = self._holders[lock]
            del holders[work]
            if not holders:
                del self._holders[lock]
        if self._waiting:
            woken = [operation for operation in self._waiting if work in operation.holders]
            self._waiting = [operation for operation in self._waiting if work not in operation.holders]
            self.chance.shuffle(woken)
            for operation in woken:
                self.loop.call_soon(self._execute, operation, context=SERVER)

    def end_idle_sessions(self) -> None:
        """As `idle_session_timeout` and `idle_in_transaction_session_timeout` do."""
        busy = {operation.session for operation in self._waiting}
        now = self.loop.time()
        for session in list(self.sessions):
            silent = now - session.heard_at
            if session in busy:
                continue
            if session.work is not None and silent > IDLE_IN_TRANSACTION_SECONDS:
                self.end_session(
                    session, asyncpg.IdleInTransactionSessionTimeoutError("idle in a transaction")
                )
            elif session.idle_seconds is not None and silent > session.idle_seconds:
                self.end_session(session, asyncpg.IdleSessionTimeoutError("idle"))

    # --- what a test does to it

    def restore(self, snapshot: Snapshot) -> None:
        """The tables as a backup has them; nobody may be connected."""
        if self.sessions:
            raise AssertionError("somebody is connected to a database that is being restored")
        self.take_over(snapshot)

    # --- how it is done

    def _arrive(self, operation: Operation) -> None:
        session = operation.session
        if operation.arrived or not session.alive:
            return
        operation.arrived = True
        session.heard_at = self.loop.time()
        if operation.fate == "lost before":
            self.end_session(session, lost_connection(self.chance))
            return
        if operation.work is None:
            operation.work = session.work or Work(session, began=self.loop.time())
        self._execute(operation)

    def _execute(self, operation: Operation) -> None:
        work = operation.work
        if work is None or not operation.session.alive:
            return
        if operation.statement is None:
            if work.repeatable and work.snapshot is None:
                work.snapshot = self.copy_tables()
            operation.statement = Statement(self, work)
        try:
            if work.failed and not operation.ends_work:
                raise asyncpg.InFailedSQLTransactionError("current transaction is aborted")
            if operation.fate == "aborted":
                raise aborted(self.chance)
            result = operation.run(operation.statement)
        except MustWait as wait:
            operation.statement.keep_snapshot()
            operation.holders = wait.holders
            if self._is_deadlock(work, wait.holders):
                self._answer_error(operation, asyncpg.DeadlockDetectedError("deadlock detected"))
            else:
                self._waiting.append(operation)
                self.watch_deadline(operation)
            return
        except Exception as error:
            self._answer_error(operation, error)
            return
        if operation.session.work is None:
            self.end_work(work, commit=True)  # outside a transaction a statement is one of its own
        if operation.fate == "lost after":
            self.end_session(operation.session, lost_connection(self.chance))
        elif not operation.future.done():
            operation.future.set_result(result)

    def _expire(self, operation: Operation) -> None:
        if not operation.future.done():
            operation.future.set_exception(TimeoutError())
            self.cancel(operation)

    def _answer_error(self, operation: Operation, error: Exception) -> None:
        self._fail(operation)
        if not operation.future.done():
            operation.future.set_exception(error)

    def _fail(self, operation: Operation) -> None:
        work = operation.work or operation.session.work
        if work is None:
            return
        if operation.session.work is work:
            work.failed = True
        else:
            self.end_work(work, commit=False)

    def _is_deadlock(self, work: Work, holders: set[Work]) -> bool:
        waits = {waiting.work: waiting.holders for waiting in self._waiting}
        reached, todo = set[Work](), list(holders)
        while todo:
            other = todo.pop()
            if other is work:
                return True
            if other not in reached:
                reached.add(other)
                todo += waits.get(other, ())
        return False
