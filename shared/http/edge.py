"""The edge: what happens to every request before FastAPI sees it, in one plain ASGI step.

The trace's context is taken up, the token verified (nothing of a body is read without one), the request counted against
its caller's limits, the body bounded, the duration measured, and what nobody handled becomes a problem without detail.
"""

import time
from typing import Final

import structlog
from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import Rejected, Unauthenticated
from shared.http.auth.roles import OPEN_PATHS
from shared.http.auth.tokens import TokenVerifier
from shared.http.bodies import BodiesInFlight, BoundedBody, declared_length, require_identity, too_large
from shared.http.exchange import Exchange
from shared.http.problems import problem_of
from shared.http.rate_limits import RateLimits
from shared.http.refusals import RefusalLog
from shared.http.scope import CALLER, REASON, TRACEPARENT, route_of
from shared.http.traffic import OTHER_METHOD, known_method, observe
from shared.telemetry import (
    OpenSpan,
    SpanKind,
    Telemetry,
    accept_traceparent,
    current_traceparent,
    described,
    unsampled_traceparent,
)

MAX_PATH_CHARACTERS: Final = 2048
_log = structlog.get_logger()


class EdgeMiddleware:
    """ASGI middleware. `max_body_bytes` bounds every request's body."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        verifier: TokenVerifier,
        telemetry: Telemetry,
        max_body_bytes: int,
        in_flight: BodiesInFlight,
        rate_limits: RateLimits,
    ) -> None:
        self._app = app
        self._verifier = verifier
        self._telemetry = telemetry
        self._max_body_bytes = max_body_bytes
        self._in_flight = in_flight
        self._rate_limits = rate_limits
        self._refusals = RefusalLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = _headers(scope)
        method = known_method(scope["method"])
        scheme = "https" if scope.get("scheme") == "https" else "http"
        span, traceparent = self._take_up(method, scheme, headers.traceparent)
        scope[TRACEPARENT] = traceparent
        before = current_traceparent.set(traceparent)
        exchange = Exchange(send)
        body = BoundedBody(receive, self._max_body_bytes, self._in_flight)
        error: Exception | None = None
        try:
            self._check(scope, headers, exchange)
            await self._app(scope, body.receive, exchange.send)
        except ClientDisconnect:
            pass  # nobody is left to answer
        except Exception as raised:
            error = raised
            await _answer(raised, scope, receive, exchange)
        finally:
            body.release()
            route = route_of(scope)
            status = exchange.status or 499
            observe(method, scheme, route, status, time.perf_counter() - started)
            if span is not None:
                _end(span, method, route, status, error)
            if 400 <= status < 500:
                reason = getattr(error, "reason", None) or scope.get(REASON)
                self._refusals.write(scope, method, status, reason)
            current_traceparent.reset(before)
            # Its traceback names this frame, and with it the body that was not read: only the garbage collector, which
            # runs every few seconds, would free them.
            error = None

    def _take_up(self, method: str, scheme: str, given: str | None) -> tuple[OpenSpan | None, str]:
        # `url.path` is left out: whoever asks may write a national ID into it.
        attributes = {"http.request.method": method, "url.scheme": scheme}
        span = self._telemetry.begin(_name(method), given, SpanKind.SERVER, attributes)
        return span, span.traceparent if span is not None else given or unsampled_traceparent()

    def _check(self, scope: Scope, headers: "_Headers", exchange: Exchange) -> None:
        path = scope["path"]
        if "\x00" in path or b"%00" in scope["query_string"] or len(path) > MAX_PATH_CHARACTERS:
            raise Rejected("The address is not valid.", code="REQUEST_UNREADABLE")
        if path not in OPEN_PATHS:
            caller = scope[CALLER] = self._verifier.verify(_bearer(headers.authorization))
            verdict = self._rate_limits.count(caller, scope["method"], path)
            exchange.fields = verdict.fields
            verdict.require_admitted()
        if headers.content_length > self._max_body_bytes:
            raise too_large(self._max_body_bytes)
        require_identity(headers.content_encoding)


class _Headers:
    """The headers that the edge looks at, found in one pass."""

    __slots__ = ("authorization", "content_encoding", "content_length", "traceparent")

    def __init__(self) -> None:
        self.authorization: bytes | None = None
        self.content_encoding = b""
        self.content_length = 0
        self.traceparent: str | None = None


def _headers(scope: Scope) -> _Headers:
    found = _Headers()
    traceparents = authorizations = 0
    for name, value in scope["headers"]:
        if name == b"authorization":
            found.authorization = value
            authorizations += 1
        elif name == b"traceparent":
            found.traceparent = accept_traceparent(value)
            traceparents += 1
        elif name == b"content-length":
            found.content_length = declared_length(value)
        elif name == b"content-encoding":
            found.content_encoding += value
    if traceparents > 1:
        found.traceparent = None
    if authorizations > 1:
        found.authorization = None
    return found


def _bearer(authorization: bytes | None) -> str:
    scheme, _, token = (authorization or b"").partition(b" ")
    if scheme.lower() != b"bearer" or not token or not token.isascii():
        raise Unauthenticated("A valid bearer token is needed.")
    return token.strip().decode("ascii")


async def _answer(error: Exception, scope: Scope, receive: Receive, exchange: Exchange) -> None:
    """Answers what nobody handled. Once an answer has begun, its connection is broken off instead."""
    told = problem_of(Request(scope), error)
    if told.status_code >= 500:
        _log.error("request_failed", method=scope["method"], route=route_of(scope), error=described(error))
    if exchange.status:
        raise ConnectionAbortedError("the answer was broken off by an error") from None
    if told.status_code == 413:
        told.headers["Connection"] = "close"
    await told(scope, receive, exchange.send)


def _end(span: OpenSpan, method: str, route: str | None, status: int, error: Exception | None) -> None:
    if route is not None:
        span.rename(f"{_name(method)} {route}")
        span.note({"http.route": route})
    span.note({"http.response.status_code": status})
    if status >= 500 and error is None:
        span.note({"error.type": str(status)})
    span.end(error if status >= 500 else None, failed=status >= 500)


def _name(method: str) -> str:
    """How a span of an unknown method begins its name."""
    return "HTTP" if method == OTHER_METHOD else method


def add_edge(
    app: FastAPI,
    verifier: TokenVerifier,
    telemetry: Telemetry,
    max_body_bytes: int,
    in_flight: BodiesInFlight,
    rate_limits: RateLimits,
) -> None:
    """Puts the edge before `app`."""
    app.add_middleware(
        EdgeMiddleware,
        verifier=verifier,
        telemetry=telemetry,
        max_body_bytes=max_body_bytes,
        in_flight=in_flight,
        rate_limits=rate_limits,
    )
