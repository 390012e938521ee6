"""Addresses in settings, checked when they are read: a wrong one would end the service later, with a traceback.

Each function returns its argument, or raises `ValueError` with what is allowed, without repeating the value.
"""

import re
from typing import Final
from urllib.parse import urlsplit

_BROKER: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?")
MOST_PORT: Final = 65_535


def require_dsn(value: str) -> str:
    """A DSN of Postgres as a URL."""
    try:
        is_dsn = urlsplit(value).scheme in ("postgresql", "postgres")
    except ValueError:
        is_dsn = False
    if not is_dsn:
        raise ValueError("a DSN is postgresql://user:password@host:port/database")
    return value


def require_brokers(value: str) -> str:
    """Kafka's brokers: host:port, comma separated."""
    for broker in value.split(","):
        found = _BROKER.fullmatch(broker.strip())
        if found is None or not 1 <= int(found["port"] or 1) <= MOST_PORT:
            raise ValueError("brokers are host:port, comma separated")
    return value


def require_base_url(value: str) -> str:
    """The base URL of a service: http or https, a host, and nothing behind a path."""
    try:
        parts = urlsplit(value)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if (
        not is_url
        or parts.query
        or parts.fragment
        or not value.isascii()
        or not value.isprintable()
        or " " in value
    ):
        raise ValueError("each URL is http://host:port or https://host:port")
    return value
