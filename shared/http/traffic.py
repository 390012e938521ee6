"""How many requests, how they ended and how long they took, by route template."""

from typing import Final

from prometheus_client import Histogram

DURATION: Final = Histogram(
    "http_server_request_duration_seconds",
    "Duration of HTTP requests.",
    ["method", "route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD: Final = "_OTHER"
UNMATCHED: Final = "unmatched"

_children: dict[tuple[str, str, int], Histogram] = {}


def known_method(method: str) -> str:
    """`method`, or one word for all that HTTP does not know: a caller writes what it likes."""
    return method if method in METHODS else OTHER_METHOD


def observe(method: str, route: str | None, status: int, seconds: float) -> None:
    """Counts one request. What has no route is counted together, so that the labels stay few."""
    key = (method, route or UNMATCHED, status)
    child = _children.get(key)
    if child is None:
        child = _children[key] = DURATION.labels(*key)
    child.observe(seconds)
