"""A connection as the server sees it, a statement on its way, and the errors that a client may get."""

import asyncio
import contextvars
import random
from collections.abc import Callable
from typing import Any, Final

import asyncpg

from tests.simulation.statements import LockName, Statement, Work

SERVER: Final = contextvars.copy_context()
"""What servers do is done in no process of ours."""

Run = Callable[[Statement], Any]


class Session:
    """One connection, seen from the server."""

    def __init__(self, client: Any, process: Any, *, now: float, idle_seconds: float | None) -> None:
        self.client = client
        self.idle_seconds = idle_seconds
        self.process = process
        self.alive = True
        self.work: Work | None = None
        self.locks: set[LockName] = set()
        self.channels: set[str] = set()
        self.heard_at = now
        self.waiting: Operation | None = None


class Operation:
    """A statement on its way: from the client's call to the answer that ends it."""

    __slots__ = (
        "arrived", "deadline", "ends_work", "fate", "future", "holders", "run", "session", "statement", "work",
    )  # fmt: skip

    def __init__(
        self, session: Session, run: Run, future: "asyncio.Future[Any]", fate: str | None, *, ends_work: bool
    ) -> None:
        self.session = session
        self.run = run
        self.ends_work = ends_work
        self.future = future
        self.fate = fate
        self.work: Work | None = None
        self.statement: Statement | None = None
        self.arrived = False
        self.deadline = 0.0
        self.holders: set[Work] = set()


def lost_connection(chance: random.Random) -> Exception:
    """One of the ways in which asyncpg says that the connection is gone."""
    kind = chance.randrange(4)
    if kind == 0:
        return asyncpg.AdminShutdownError("terminating connection due to administrator command")
    if kind == 1:
        return asyncpg.InternalClientError("got result for unknown protocol state 3")
    if kind == 2:
        return ConnectionResetError("connection reset by peer")
    return asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")


def aborted(chance: random.Random) -> Exception:
    """One of the ways in which PostgreSQL gives a transaction up."""
    if chance.random() < 0.5:
        return asyncpg.SerializationError("could not serialize access due to concurrent update")
    return asyncpg.DeadlockDetectedError("deadlock detected")
