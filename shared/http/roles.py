"""Every route names the roles that reach it; an app with a route that names none refuses to start."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from shared.errors import Forbidden, Unauthenticated
from shared.http.callers import ADMIN, ROLES, Caller
from shared.http.scope import caller_in

OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
"""All that is answered without a token."""

_MARK: Final = "rahnama_roles"


def require(*roles: str) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency for `Depends`: gives the `Caller` if it has one of `roles` or is `admin`.

    Raises `Unauthenticated` and `Forbidden`; a `ValueError` when a role is none that tokens have.
    """
    unknown = set(roles) - set(ROLES)
    if unknown or not roles:
        raise ValueError(f"a route names one or more of {ROLES}, not {sorted(unknown)}")
    allowed = frozenset(roles) | {ADMIN}

    async def authorized(request: Request) -> Caller:
        return authorize(request, allowed)

    setattr(authorized, _MARK, allowed)
    return authorized


require_any = require(*ROLES)
"""A dependency for what every role may read."""


def authorize(request: Request, roles: frozenset[str]) -> Caller:
    """The caller if it has one of `roles`. Raises `Unauthenticated`, `Forbidden`."""
    caller = caller_in(request.scope)
    if caller is None:
        raise Unauthenticated("A valid bearer token is needed.")
    if not caller.has_any(roles):
        raise Forbidden("The token's roles do not reach this.")
    return caller


def roles_of(route: RouteContext) -> frozenset[str] | None:
    """The roles that a route names, through its own dependencies or its router's; None if it names none."""
    dependant = getattr(route, "dependant", None)
    marks = [] if dependant is None else list(_marks(dependant))
    return frozenset.intersection(*marks) if marks else None


def require_roles_everywhere(app: FastAPI) -> None:
    """Raises `RuntimeError` naming the first route that is reachable without a role."""
    for route in iter_route_contexts(app.routes):
        if route.path in OPEN_PATHS:
            continue
        if not isinstance(route.original_route, APIRoute) or roles_of(route) is None:
            methods = ",".join(sorted(route.methods or ())) or "ANY"
            raise RuntimeError(f"the route {methods} {route.path} names no role; give it Depends(require(…))")


def _marks(dependant: Dependant) -> Iterator[frozenset[str]]:
    mark: Any = getattr(dependant.call, _MARK, None)
    if mark is not None:
        yield mark
    for inner in dependant.dependencies:
        yield from _marks(inner)
