"""Every route names the roles that reach it; an app with a route that names none refuses to start."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, NamedTuple

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from shared.errors import Forbidden, Unauthenticated
from shared.http.auth.callers import ADMIN, ROLES, Caller, CenterLimit
from shared.http.scope import REASON, caller_in

OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
"""All that is answered without a token."""

CENTERS_NOT_APPLICABLE: Final = "CENTERS_NOT_APPLICABLE"
_MARK: Final = "rahnama_access"


class Access(NamedTuple):
    """Who reaches a route: the roles, and what becomes of a token that is limited to centres."""

    roles: frozenset[str]
    centers: CenterLimit


def require(
    *roles: str, centers: CenterLimit = CenterLimit.REFUSED
) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency for `Depends`: gives the `Caller` if it has one of `roles` or is `admin`.

    A route that applies the caller's centres, or is unaffected by them, declares it; every other one refuses a caller
    that is limited to centres. Raises `Unauthenticated` and `Forbidden`; a `ValueError` when no token has a role.
    """
    unknown = set(roles) - set(ROLES)
    if unknown or not roles:
        raise ValueError(f"a route names one or more of {ROLES}, not {sorted(unknown)}")
    access = Access(frozenset(roles) | {ADMIN}, centers)

    async def authorized(request: Request) -> Caller:
        return authorize(request, access)

    setattr(authorized, _MARK, access)
    return authorized


require_any = require(*ROLES, centers=CenterLimit.UNAFFECTED)
"""A dependency for what every role may read."""


def authorize(request: Request, access: Access) -> Caller:
    """The caller if `access` admits it. Raises `Unauthenticated`, `Forbidden`."""
    caller = caller_in(request.scope)
    if caller is None:
        raise Unauthenticated("A valid bearer token is needed.")
    if not caller.has_any(access.roles):
        request.scope[REASON] = "role"
        raise Forbidden("The token's roles do not reach this.")
    if caller.centers is not None and access.centers is CenterLimit.REFUSED:
        request.scope[REASON] = "centers"
        raise Forbidden(
            "The token is limited to centres, and this cannot be limited to them; use a token without centres.",
            code=CENTERS_NOT_APPLICABLE,
        )
    return caller


def access_of(route: RouteContext) -> Access | None:
    """Who reaches a route, by its own dependencies and its router's: the narrowest of them; None if none names roles."""
    dependant = getattr(route, "dependant", None)
    marks = [] if dependant is None else list(_marks(dependant))
    if not marks:
        return None
    limits = [mark.centers for mark in marks]
    strictest = (CenterLimit.REFUSED, CenterLimit.APPLIED, CenterLimit.UNAFFECTED)
    return Access(frozenset.intersection(*(mark.roles for mark in marks)), min(limits, key=strictest.index))


def roles_of(route: RouteContext) -> frozenset[str] | None:
    """The roles that a route names; None if it names none."""
    access = access_of(route)
    return None if access is None else access.roles


def require_roles_everywhere(app: FastAPI) -> None:
    """Raises `RuntimeError` naming the first route that is reachable without a role."""
    for route in iter_route_contexts(app.routes):
        if route.path in OPEN_PATHS:
            continue
        if not isinstance(route.original_route, APIRoute) or roles_of(route) is None:
            methods = ",".join(sorted(route.methods or ())) or "ANY"
            raise RuntimeError(f"the route {methods} {route.path} names no role; give it Depends(require(…))")


def _marks(dependant: Dependant) -> Iterator[Access]:
    mark: Any = getattr(dependant.call, _MARK, None)
    if mark is not None:
        yield mark
    for inner in dependant.dependencies:
        yield from _marks(inner)
