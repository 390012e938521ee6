"""Postgres: connections, forward-only migrations, and named queries."""

from shared.postgres.connections import (
    CONNECT_SECONDS,
    TRANSIENT_ERRORS,
    Connect,
    Connection,
    Pool,
    close_pool,
    connector,
    make_pool,
    open_pool,
    wait_for_database,
)
from shared.postgres.migrations import migrate
from shared.postgres.queries import named_queries

__all__ = [
    "CONNECT_SECONDS",
    "TRANSIENT_ERRORS",
    "Connect",
    "Connection",
    "Pool",
    "close_pool",
    "connector",
    "make_pool",
    "migrate",
    "named_queries",
    "open_pool",
    "wait_for_database",
]
