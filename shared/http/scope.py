"""What the edge keeps in a request's ASGI scope."""

from typing import Any, Final

from starlette.requests import HTTPConnection
from starlette.types import Scope

from shared.http.auth.callers import Caller

TRACEPARENT: Final = "rahnama.traceparent"
CALLER: Final = "rahnama.caller"
CODE: Final = "rahnama.code"
"""The code of the problem that the request was answered with."""
REASON: Final = "rahnama.reason"
"""Why the caller was refused (403): for the log."""


def traceparent_of(request: HTTPConnection) -> str | None:
    """The context that this request is handled in: what is kept in the log with its events."""
    found: str | None = request.scope.get(TRACEPARENT)
    return found


def caller_in(scope: Scope) -> Caller | None:
    """The caller whose token the edge has verified."""
    found: Caller | None = scope.get(CALLER)
    return found


def route_of(scope: Scope) -> str | None:
    """The template of the matched route: `/v1/students/{student_id}`."""
    route: Any = scope.get("route")
    if route is None:
        return None
    paths: dict[int, str] = scope["app"].state.route_paths
    return paths.get(id(route)) or getattr(route, "path_format", None)
