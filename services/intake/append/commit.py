"""The only place where intake begins and commits a transaction."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from asyncpg.transaction import Transaction

from shared.errors import OutcomeUnknown
from shared.postgres import TRANSIENT_ERRORS, Connection, Pool


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
    """A connection of the pool. That it cannot be given back says nothing of what was committed on it."""
    connection = await pool.acquire()
    try:
        yield connection
    finally:
        with contextlib.suppress(*TRANSIENT_ERRORS):
            await pool.release(connection)


async def _roll_back(connection: Connection, begun: Transaction) -> None:
    """What cannot be rolled back ends with its connection; the first error is the one to be told."""
    try:
        await begun.rollback()
    except TRANSIENT_ERRORS:
        _end(connection)


def _end(connection: Connection) -> None:
    with contextlib.suppress(asyncpg.InterfaceError):  # the pool has parted from it already
        connection.terminate()
