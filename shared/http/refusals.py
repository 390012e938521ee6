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


class _Bucket:
    """A token bucket of log lines, which counts what is left out since the last line."""

    def __init__(self, now: float) -> None:
        self._lines = BURST_LINES
        self._filled_at = now
        self.suppressed = 0

    def take(self, now: float) -> bool:
        """Whether a line may be written now."""
        self._lines = min(BURST_LINES, self._lines + (now - self._filled_at) * LINES_PER_SECOND)
        self._filled_at = now
        if self._lines < 1:
            self.suppressed += 1
            return False
        self._lines -= 1
        return True


class RefusalLog:
    """Bounds log lines by token buckets. How many were left out is in the next line of the bucket (`suppressed`).

    Requests with a verified caller have a bucket of their own: who has no token can hide nothing of who has one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._verified, self._unverified = _Bucket(clock()), _Bucket(clock())

    def write(self, scope: Scope, method: str, status: int, reason: str | None) -> None:
        """Logs the request of `scope`, which was answered with `status`."""
        caller = caller_in(scope)
        bucket = self._unverified if caller is None else self._verified
        if not bucket.take(self._clock()):
            return
        traceparent: str | None = scope.get(TRACEPARENT)
        fields: dict[str, object | None] = {
            "code": scope.get(CODE),
            "reason": reason,
            "subject": None if caller is None else caller.subject,
            "tenant": None if caller is None else caller.tenant,
            "trace_id": None if traceparent is None else trace_id(traceparent),
            "suppressed": bucket.suppressed or None,
        }
        bucket.suppressed = 0
        given = {name: value for name, value in fields.items() if value is not None}
        _log.warning(
            _EVENTS.get(status, "request_refused"),
            method=method,
            route=route_of(scope),
            status=status,
            **given,
        )
