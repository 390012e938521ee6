"""One log line for each refused request, at a bounded rate, so that a flood of them cannot fill the disk.

401 and 403 are security events: they name the caller and the reason, never the token.
"""

import time
from collections.abc import Callable
from typing import Final

import structlog
from starlette.types import Scope

from shared.http.scope import CODE, TRACEPARENT, caller_in, route_of
from shared.telemetry import trace_id

LINES_PER_SECOND: Final = 20.0
BURST_LINES: Final = 100.0
_EVENTS: Final = {401: "authentication_failed", 403: "authorization_failed"}
_log = structlog.get_logger()


class RefusalLog:
    """A token bucket of log lines. What is left out is counted, and the next line says how many (`suppressed`)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lines = BURST_LINES
        self._filled_at = clock()
        self._suppressed = 0

    def write(self, scope: Scope, method: str, status: int, reason: str | None) -> None:
        """Logs the request of `scope`, which was answered with `status`."""
        now = self._clock()
        self._lines = min(BURST_LINES, self._lines + (now - self._filled_at) * LINES_PER_SECOND)
        self._filled_at = now
        if self._lines < 1:
            self._suppressed += 1
            return
        self._lines -= 1
        caller = caller_in(scope)
        traceparent: str | None = scope.get(TRACEPARENT)
        fields: dict[str, object | None] = {
            "code": scope.get(CODE),
            "reason": reason,
            "subject": None if caller is None else caller.subject,
            "tenant": None if caller is None else caller.tenant,
            "trace_id": None if traceparent is None else trace_id(traceparent),
            "suppressed": self._suppressed or None,
        }
        self._suppressed = 0
        given = {name: value for name, value in fields.items() if value is not None}
        _log.warning(
            _EVENTS.get(status, "request_refused"),
            method=method,
            route=route_of(scope),
            status=status,
            **given,
        )
