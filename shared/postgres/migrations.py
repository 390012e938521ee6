"""Forward-only migrations: numbered `.sql` files, each applied once."""

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Final

import asyncpg

from shared.postgres.connections import CONNECT_SECONDS

MIGRATION_LOCK: Final = 7_238_462_001
GRANT_TEMPORARY: Final = (
    "do $$ begin execute format('grant temporary on database %I to {role}', current_database()); end $$"
)


async def migrate(dsn: str, packages: Sequence[str], *, role: str, settings: Mapping[str, str]) -> list[str]:
    """Applies every numbered migration of `packages` that has not been applied; returns their names.

    `@role@` in a migration is replaced by the service's own role, `@name@` by `settings[name]`. All of it is one
    transaction under a lock, so that two processes may start at once. The role may make temporary tables, for
    verifications; a right to the database is in no backup of it, so it is granted each time.
    """
    connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", MIGRATION_LOCK)
            await connection.execute(
                "create table if not exists migrations"
                " (name text primary key, applied_at timestamptz not null default now())"
            )
            done = {row["name"] for row in await connection.fetch("select name from migrations")}
            applied = []
            for name, statements in _pending(packages, done):
                for key, value in {"role": role, **settings}.items():
                    statements = statements.replace(f"@{key}@", value)
                await connection.execute(statements)
                await connection.execute("insert into migrations (name) values ($1)", name)
                applied.append(name)
            await connection.execute(GRANT_TEMPORARY.format(role=role))
            return applied
    finally:
        await connection.close()


def _pending(packages: Sequence[str], done: set[str]) -> list[tuple[str, str]]:
    found = []
    for package in packages:
        folder = resources.files(package).joinpath("migrations")
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            name = f"{package}/{file.name}"
            if file.name.endswith(".sql") and name not in done:
                found.append((name, file.read_text(encoding="utf-8")))
    return found
