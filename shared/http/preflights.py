"""CORS before the edge: a preflight carries no token, and is answered like every other request."""

import time
from collections.abc import Sequence
from typing import Final

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from shared.http.exchange import Exchange
from shared.http.traffic import observe

_ANSWERED_HERE: Final = ("origin", "access-control-request-method")


class Preflights(CORSMiddleware):
    """Starlette's, whose answers to preflights are measured and have the headers of every answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        if not _is_preflight(scope):
            await super().__call__(scope, receive, send)
            return
        started = time.perf_counter()
        exchange = Exchange(send)
        await super().__call__(scope, receive, exchange.send)
        scheme = "https" if scope.get("scheme") == "https" else "http"
        observe("OPTIONS", scheme, None, exchange.status, time.perf_counter() - started)


def _is_preflight(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "OPTIONS":
        return False
    headers = Headers(scope=scope)
    return all(name in headers for name in _ANSWERED_HERE)


def add_cors(app: FastAPI, origins: Sequence[str]) -> None:
    """Lets pages of `origins` call the app. Added after the edge, and so before it."""
    app.add_middleware(
        Preflights,
        allow_origins=origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-Match", "traceparent"],
        expose_headers=["Location", "Link", "Retry-After", "ETag", "RateLimit", "RateLimit-Policy"],
        max_age=600,
    )
