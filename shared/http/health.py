"""Health: alive when the loop answers, ready when every part says so."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from shared.http.responses import json_response


@dataclass(frozen=True, slots=True)
class Health:
    """`ready` tells for each part None, or why it is not ready; `held` what stands still while the others go on.

    Both read memory only, and never block.
    """

    ready: Callable[[], Mapping[str, str | None]]
    held: Callable[[], Sequence[str]] = tuple


def alive() -> Response:
    """The answer of `GET /healthz`."""
    return json_response({"status": "ok"})


def readiness(health: Health) -> Response:
    """The answer of `GET /readyz`: 200, or 503 with the parts and their reasons. A held partition alone is no reason."""
    parts = health.ready()
    ready = all(reason is None for reason in parts.values())
    content: dict[str, object] = {"status": "ready" if ready else "not ready", "parts": parts}
    if held := health.held():
        content["held"] = held
    return json_response(content, 200 if ready else 503, {} if ready else {"Retry-After": "1"})
