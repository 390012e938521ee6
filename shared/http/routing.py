"""What each route declares, collected once from the app's own table, and checked before anything of a route runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.exceptions import HTTPException

from shared.http.auth.roles import Access, access_of, authorize
from shared.http.parameters import Parameters, parameters_of


@dataclass(frozen=True, slots=True)
class Declared:
    """One route: who reaches it, and which parameters it has. `access` is None where no token is needed."""

    path_format: str
    access: Access | None
    parameters: Parameters


def declared_routes(app: FastAPI) -> dict[int, Declared]:
    """By the identity of the route that a request's scope names."""
    return {
        id(route.original_route): Declared(
            route.path_format or "", access_of(route), parameters_of(getattr(route, "dependant", None))
        )
        for route in iter_route_contexts(app.routes)
    }


def declared_route(request: Request) -> Declared:
    """What the matched route declares. An app that was not started collects its table at the first request."""
    state, key = request.app.state, id(request.scope["route"])
    if key not in state.declared_routes:
        state.declared_routes = declared_routes(request.app)
    found: Declared = state.declared_routes[key]
    return found


async def check_request(request: Request) -> None:
    """Every route's first dependency: the method, then the caller, then the parameters.

    A path that another route names literally (`/v1/students/lookup`) is that route's, never a value of this one's
    template (`/v1/students/{student_id}`).
    """
    declared = declared_route(request)
    path = request.scope["path"]
    if declared.path_format != path and (methods := _literal_methods(request.app, path)):
        raise HTTPException(405, headers={"Allow": methods})
    if declared.access is not None:
        authorize(request, declared.access)
    declared.parameters.check(request)


def allowed_methods(request: Request) -> str | None:
    """The `Allow` header of the request's path: the methods of all routes that have it; None if none has."""
    app, path = request.app, request.scope["path"]
    if literal := _literal_methods(app, path):
        return literal
    return _joined(
        route for route in iter_route_contexts(app.routes) if _regex(route) and _regex(route).match(path)
    )


def _literal_methods(app: FastAPI, path: str) -> str | None:
    literal: dict[str, str | None] = app.state.literal_paths
    if path not in literal and not literal:
        routes = list(iter_route_contexts(app.routes))
        for known in {
            route.path_format for route in routes if route.path_format and "{" not in route.path_format
        }:
            literal[known] = _joined(route for route in routes if route.path_format == known)
    return literal.get(path)


def _joined(routes: Iterator[RouteContext]) -> str | None:
    methods = {method for route in routes for method in route.methods or ()}
    return ", ".join(sorted(methods)) or None


def _regex(route: RouteContext) -> Any:
    return getattr(route, "path_regex", None)
