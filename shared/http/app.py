"""The frame of every service's app: problems, tokens, health, metrics and positions."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any, Final

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared.errors import RahnamaError
from shared.http.auth.callers import Caller, CenterLimit
from shared.http.auth.roles import require, require_any, require_roles_everywhere
from shared.http.auth.tokens import TokenVerifier
from shared.http.bodies import BYTES_IN_FLIGHT, MAX_BODY_BYTES, BodiesInFlight
from shared.http.edge import add_edge
from shared.http.health import Health, alive, readiness
from shared.http.openapi import PROBLEM_RESPONSES, describe
from shared.http.positions import PositionsSource, positions_response
from shared.http.preflights import add_cors
from shared.http.problems import answer_error, answer_http_exception, answer_validation_error
from shared.http.rate_limits import RateLimits
from shared.http.responses import headers_only, json_response
from shared.http.routing import check_request, declared_routes
from shared.telemetry import Telemetry
from shared.telemetry.metrics import CONTENT_TYPE, exposition

POSITION_WAIT_SECONDS: Final = 2.0

METRICS_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}

_log = structlog.get_logger()

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    *,
    title: str,
    version: str,
    lifespan: Lifespan | None,
    verifier: TokenVerifier,
    health: Health,
    positions: PositionsSource,
    telemetry: Telemetry | None = None,
    position_wait_seconds: float = POSITION_WAIT_SECONDS,
    max_body_bytes: int = MAX_BODY_BYTES,
    bytes_in_flight: int = BYTES_IN_FLIGHT,
    cors_origins: Sequence[str] = (),
    rate_limits: RateLimits | None = None,
) -> FastAPI:
    """An app with `/healthz`, `/readyz`, `/metrics`, `/openapi.json` and `/v1/positions`.

    Routes are added to it afterwards; at its start, before `lifespan`, it raises `RuntimeError` if one of them
    names no role (`Depends(require("operator"))`).
    """
    app = FastAPI(
        title=title,
        version=version,
        lifespan=_checked(lifespan),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=PROBLEM_RESPONSES,
        dependencies=[Depends(check_request)],
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    _set_state(app, positions, position_wait_seconds)
    app.add_exception_handler(RahnamaError, answer_error)
    app.add_exception_handler(HTTPException, answer_http_exception)
    app.add_exception_handler(RequestValidationError, answer_validation_error)
    add_edge(
        app,
        verifier,
        telemetry or Telemetry(),
        max_body_bytes,
        BodiesInFlight(max(bytes_in_flight, 2 * max_body_bytes)),
        rate_limits or RateLimits(),
    )
    if cors_origins:  # in front of the edge: a preflight carries no token
        add_cors(app, cors_origins)
    _add_health(app, health)
    _add_insight(app, positions)
    return app


def _set_state(app: FastAPI, positions: PositionsSource, position_wait_seconds: float) -> None:
    """What dependencies of routes read; routes are known only when the app starts."""
    app.state.positions = positions
    app.state.position_wait_seconds = position_wait_seconds
    app.state.route_paths = {}
    app.state.declared_routes = {}
    app.state.literal_paths = {}


def _checked(lifespan: Lifespan | None) -> Lifespan:
    @asynccontextmanager
    async def checked(app: FastAPI) -> AsyncIterator[None]:
        require_roles_everywhere(app)
        app.state.declared_routes = declared_routes(app)
        app.state.route_paths = {
            id(route.original_route): route.path_format
            for route in iter_route_contexts(app.routes)
            if route.path_format
        }
        if lifespan is None:
            yield
            return
        try:
            async with lifespan(app):
                yield
        except Exception as error:
            # Uvicorn's own lines are cut to the first. No request has a part in this, so the words are safe.
            _log.error("service_failed", exc_info=error, reason=str(error))
            raise

    return checked


def _add_health(app: FastAPI, health: Health) -> None:
    async def healthz(request: Request) -> Any:
        """Whether the process answers. Needs no token."""
        return headers_only(alive()) if request.method == "HEAD" else alive()

    async def readyz(request: Request) -> Any:
        """Whether every part is ready, and why not. Needs no token."""
        answer = readiness(health)
        return headers_only(answer) if request.method == "HEAD" else answer

    for path, answer in (("/healthz", healthz), ("/readyz", readyz)):
        app.add_api_route(path, answer, methods=["GET"], tags=["operation"])
        app.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)


def _add_insight(app: FastAPI, positions: PositionsSource) -> None:
    @app.get("/metrics", tags=["operation"], response_class=Response, responses=METRICS_RESPONSES)
    async def metrics(
        _caller: Annotated[Caller, Depends(require("metrics", centers=CenterLimit.UNAFFECTED))],
    ) -> Any:
        """Prometheus' text format."""
        return Response(exposition(), media_type=CONTENT_TYPE)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(_caller: Annotated[Caller, Depends(require_any)]) -> Any:
        return json_response(describe(app))

    @app.get("/v1/positions", tags=["operation"])
    async def read_positions(_caller: Annotated[Caller, Depends(require_any)]) -> Any:
        """How far the log and the inbox are, by partition."""
        return await positions_response(positions)
