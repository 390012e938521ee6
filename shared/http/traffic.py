"""How many requests, how they ended and how long they took, by route template."""

from typing import Final

from shared.telemetry.metrics import SECONDS, Labels, histogram

DURATION: Final = histogram("http.server.request.duration", "s", "Duration of HTTP requests.", SECONDS)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD: Final = "_OTHER"

_labels: dict[tuple[str, str, str | None, int], Labels] = {}


def known_method(method: str) -> str:
    """`method`, or one word for all that HTTP does not know: a caller writes what it likes."""
    return method if method in METHODS else OTHER_METHOD


def observe(method: str, scheme: str, route: str | None, status: int, seconds: float) -> None:
    """Counts one request. What has no route is counted together, so that the labels stay few."""
    key = (method, scheme, route, status)
    labels = _labels.get(key)
    if labels is None:
        labels = _labels[key] = _of(method, scheme, route, status)
    DURATION.record(seconds, labels)


def _of(method: str, scheme: str, route: str | None, status: int) -> Labels:
    labels: dict[str, str | int] = {
        "http.request.method": method,
        "url.scheme": scheme,
        "http.response.status_code": status,
    }
    if route is not None:
        labels["http.route"] = route
    if status >= 500:
        labels["error.type"] = str(status)
    return labels
