"""A database for one command alone: no service runs on it, and no other command.

The command takes its lock first and looks for the service's sessions then; a service opens its sessions first and
asks for the lock then (`require_no_command`). So of two that start at once at least one sees the other.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from shared.errors import InUse, NotTheOwner, Unfinished
from shared.postgres import CONNECT_SECONDS, Connection, named_queries

QUERIES: Final = named_queries("shared.recover")
COMMAND_LOCK: Final = 7_238_462_002
STATEMENT_SECONDS: Final = 600.0


@asynccontextmanager
async def exclusive(dsn: str, service: str, application: str) -> AsyncIterator[Connection]:
    """A connection of the database's owner, while nothing else is there; the lock ends with the process.

    Raises `InUse` when the service or another command runs, and `NotTheOwner` for the service's own role.
    """
    connection = await asyncpg.connect(
        dsn,
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
        server_settings={"application_name": application},
    )
    try:
        role = f"rahnama_{service}"
        if await connection.fetchval("select current_user") == role:
            raise NotTheOwner(f"RAHNAMA_DATABASE_URL names {role}, which may not do this; the owner may")
        if not await connection.fetchval(QUERIES["take_lock"], COMMAND_LOCK):
            raise InUse(f"another recover or rebuild of {service} runs; wait for its end")
        sessions = await connection.fetch(QUERIES["sessions_of"], role)
        if sessions:
            where = ", ".join(f"{row['application_name']} from {row['client']}" for row in sessions)
            raise InUse(f"{service} runs on this database ({where}); stop it first")
        yield connection
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


async def begin_command(connection: Connection, command: str) -> None:
    """No service starts on this database from now on, until `end_command`; also when this process dies before."""
    await connection.execute(QUERIES["begin_command"], command)


async def end_command(connection: Connection, command: str) -> None:
    """All is done that `command` has to do."""
    await connection.execute(QUERIES["end_command"], command)


async def require_no_command(connection: Connection) -> None:
    """Raises `InUse` while `recover` or `rebuild` runs on this database, and `Unfinished` after an interrupted one."""
    if not await connection.fetchval(QUERIES["lock_is_free"], COMMAND_LOCK):
        raise InUse("recover or rebuild runs on this database; the service can start after its end")
    if await connection.fetchval(QUERIES["has_marks"]):
        unfinished = await connection.fetchval(QUERIES["unfinished"])
        if unfinished is not None:
            raise Unfinished(f"{unfinished} was interrupted on this database: give it again, to its end")
