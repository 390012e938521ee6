"""Databases set back to an older copy, as a restored backup is: whole, and quickly."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from infra.local.databases import ServiceDatabase


class Backups:
    """Copies of stopped services' databases on one server, by the database's name."""

    def __init__(self, admin_dsn: str) -> None:
        self._admin_dsn = admin_dsn
        self._copies: list[str] = []

    async def take(self, database: ServiceDatabase) -> str:
        """A copy of the database as it is now; nobody may be connected to it."""
        copy = f"{database.name}_{len(self._copies)}"
        self._copies.append(copy)
        await self._run(f"CREATE DATABASE {copy} TEMPLATE {database.name}")
        return copy

    async def restore(self, database: ServiceDatabase, copy: str) -> None:
        """Puts the copy in the database's place; whoever is connected is thrown out."""
        role = database.name.split("_")[1]
        await self._run(
            f"DROP DATABASE {database.name} WITH (FORCE)",
            f"CREATE DATABASE {database.name} TEMPLATE {copy} OWNER rahnama_{role}_owner",
            f"REVOKE ALL ON DATABASE {database.name} FROM PUBLIC",
            f"GRANT CONNECT, TEMPORARY ON DATABASE {database.name} TO rahnama_{role}",
        )

    async def drop(self) -> None:
        """Drops every copy."""
        await self._run(*(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)" for copy in self._copies))

    async def _run(self, *statements: str) -> None:
        admin = await asyncpg.connect(self._admin_dsn, timeout=30)
        try:
            for statement in statements:
                await admin.execute(statement, timeout=60)
        finally:
            await admin.close()


@asynccontextmanager
async def backups_on(admin_dsn: str) -> AsyncIterator[Backups]:
    """Copies that are dropped at the end."""
    backups = Backups(admin_dsn)
    try:
        yield backups
    finally:
        await backups.drop()


async def rows_of(database: ServiceDatabase, query: str) -> list[dict[str, Any]]:
    """What the owner reads."""
    connection = await asyncpg.connect(database.owner_dsn)
    try:
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def as_owner(database: ServiceDatabase, *statements: str) -> None:
    """Does to the database what no service may."""
    connection = await asyncpg.connect(database.owner_dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
