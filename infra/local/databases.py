"""One database and two roles per service, so that no service can read another's data.

`rahnama_X_owner` owns the database and its schema and runs the migrations. `rahnama_X` is what the service runs as: it
may connect to its own database alone and has no right there but what the migrations grant it.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import asyncpg

from infra.services import NAMES

MAINTENANCE = ("postgres", "template1")
"""The server's own databases, which PostgreSQL opens to every role."""
_LOCK = 0x7261686E  # "rahn": one process at a time makes roles and databases
_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class ServiceDatabase:
    """How one service reaches its database: as itself, and as the owner for migrations."""

    name: str
    dsn: str
    owner_dsn: str


@dataclass(frozen=True)
class Databases:
    """The set that belongs to one system; `databases.intake` is `databases.of("intake")`."""

    by_service: Mapping[str, ServiceDatabase]

    def of(self, service: str) -> ServiceDatabase:
        """By the service's name."""
        return self.by_service[service]

    def __getattr__(self, service: str) -> ServiceDatabase:
        if service in NAMES:
            return self.of(service)
        raise AttributeError(service)


def describe_databases(admin_dsn: str, suffix: str = "") -> Databases:
    """The set's DSNs, without asking the server: passwords derive from the superuser's."""
    if not re.fullmatch(r"[a-z0-9_]{0,30}", suffix):
        raise ValueError(f"database suffix {suffix!r}: only a-z, 0-9 and _, at most 30")
    return Databases({service: _describe(admin_dsn, service, suffix) for service in NAMES})


async def ensure_databases(admin_dsn: str, suffix: str = "") -> Databases:
    """Make what is missing, set passwords and rights anew; data that is there stays."""
    databases = describe_databases(admin_dsn, suffix)
    admin = await asyncpg.connect(admin_dsn, timeout=_TIMEOUT_SECONDS, command_timeout=_TIMEOUT_SECONDS)
    try:
        await admin.execute("SELECT pg_advisory_lock($1)", _LOCK)
        for name in MAINTENANCE:
            await _close_to_public(admin, name)
        for service in NAMES:
            for role in (f"rahnama_{service}_owner", f"rahnama_{service}"):
                await _ensure_role(admin, role, role_password(admin_dsn, role))
            await _ensure_database(admin, databases.of(service).name, service)
    finally:
        await admin.close(timeout=5)
    for service in NAMES:
        await ensure_schema(admin_dsn, databases.of(service).name, service)
    return databases


async def drop_databases(admin_dsn: str, suffix: str) -> None:
    """Drop the set, also under open connections. Roles stay: other sets use them."""
    if not suffix:
        raise ValueError("only a set with a suffix is dropped; the unnamed one holds a system's data")
    databases = describe_databases(admin_dsn, suffix)
    admin = await asyncpg.connect(admin_dsn, timeout=_TIMEOUT_SECONDS, command_timeout=_TIMEOUT_SECONDS)
    try:
        for service in NAMES:
            await admin.execute(f"DROP DATABASE IF EXISTS {databases.of(service).name} WITH (FORCE)")
    finally:
        await admin.close(timeout=5)


def role_password(admin_dsn: str, role: str) -> str:
    """HMAC-SHA256 under the superuser's password: nothing more to keep, and no service can derive another's."""
    secret = unquote(urlsplit(admin_dsn).password or "").encode()
    return hmac.new(secret, role.encode(), hashlib.sha256).hexdigest()[:40]


def _describe(admin_dsn: str, service: str, suffix: str) -> ServiceDatabase:
    name = f"rahnama_{service}{suffix}"
    server = urlsplit(admin_dsn)

    def dsn(role: str) -> str:
        password = quote(role_password(admin_dsn, role))
        return f"postgresql://{role}:{password}@{server.hostname}:{server.port or 5432}/{name}"

    return ServiceDatabase(name, dsn(f"rahnama_{service}"), dsn(f"rahnama_{service}_owner"))


async def _ensure_role(admin: "asyncpg.Connection[Any]", role: str, password: str) -> None:
    if not await admin.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        await admin.execute(f"CREATE ROLE {role}")
    await admin.execute(
        f"ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '{password}'"
    )


async def _ensure_database(admin: "asyncpg.Connection[Any]", name: str, service: str) -> None:
    if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
        await admin.execute(f"CREATE DATABASE {name} OWNER rahnama_{service}_owner")
    await _close_to_public(admin, name)
    await admin.execute(f"GRANT CONNECT ON DATABASE {name} TO rahnama_{service}")


async def _close_to_public(admin: "asyncpg.Connection[Any]", name: str) -> None:
    await admin.execute(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")


async def ensure_schema(admin_dsn: str, name: str, service: str) -> None:
    """Who may do what in the public schema of the database `name` of a service."""
    inside = urlsplit(admin_dsn)._replace(path=f"/{name}").geturl()
    connection = await asyncpg.connect(inside, timeout=_TIMEOUT_SECONDS, command_timeout=_TIMEOUT_SECONDS)
    try:
        await connection.execute(
            f"ALTER SCHEMA public OWNER TO rahnama_{service}_owner;"
            "REVOKE ALL ON SCHEMA public FROM PUBLIC;"
            f"GRANT USAGE ON SCHEMA public TO rahnama_{service};"
        )
    finally:
        await connection.close(timeout=5)
