"""Health: alive when the loop answers, ready when every part says so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.responses import Response

from shared.http.responses import json_response


@dataclass(frozen=True, slots=True)
class Health:
    """`ready` tells for each part None, or why it is not ready. It reads memory only, and never blocks."""

    ready: Callable[[], Mapping[str, str | None]]


def alive() -> Response:
    """The answer of `GET /healthz`."""
    return json_response({"status": "ok"})


def readiness(health: Health) -> Response:
    """The answer of `GET /readyz`: 200, or 503 with the parts and their reasons."""
    parts = health.ready()
    ready = all(reason is None for reason in parts.values())
    content = {"status": "ready" if ready else "not ready", "parts": parts}
    return json_response(content, 200 if ready else 503, {} if ready else {"Retry-After": "1"})
