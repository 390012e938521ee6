"""The token sweep: every route with every role, another tenant's token, untrusted tokens, and no token.

    await sweep(app, issuer, {"GET /v1/students": {"operator", "auditor"}, "POST /v1/events": {"upstream"}})

The table names every route of the service but health's and the common ones; `admin` is understood.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

import httpx
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from shared.http.auth.callers import ROLES
from shared.http.auth.roles import OPEN_PATHS
from tests.tokens import TestIssuer

COMMON: Final[Mapping[str, Collection[str]]] = {
    "GET /metrics": {"metrics"},
    "GET /openapi.json": ROLES,
    "GET /v1/positions": ROLES,
}
SAMPLES: Final[Mapping[str, str]] = {"student_id": "01890a5d-ac96-774b-bcce-b302099a8057"}
"""What stands for a path's parameter; `1` for those that are not named here."""
FOREIGN_TENANT: Final = "elsewhere"
_PARAMETER: Final = re.compile(r"\{(\w+)(?::\w+)?\}")


async def sweep(
    app_or_base_url: FastAPI | str,
    issuer: TestIssuer,
    expected: Mapping[str, Collection[str]],
    *,
    samples: Mapping[str, str] = SAMPLES,
    queries: Mapping[str, str] | None = None,
) -> int:
    """Asks every route with every kind of token; raises `AssertionError` naming what should not be.

    `queries` gives a route the query it needs (`{"GET /v1/allocations": "year=1404"}`). Returns the number of
    requests. An app in this process must have been started.
    """
    table = {**COMMON, **expected}
    async with _client(app_or_base_url) as client:
        found = await _routes(app_or_base_url, client, issuer)
        assert found == set(table), f"not in the table: {found - set(table)}; no route: {set(table) - found}"
        asked = 0
        for route, roles in sorted(table.items()):
            method, path = route.split(" ", 1)
            address = _PARAMETER.sub(lambda part: samples.get(part[1], "1"), path)
            if query := (queries or {}).get(route):
                address += f"?{query}"
            asked += await _sweep_trust(client, issuer, method, address, {*roles, "admin"})
            asked += await _sweep_roles(client, issuer, method, address, {*roles, "admin"})
    return asked


async def _sweep_roles(
    client: httpx.AsyncClient, issuer: TestIssuer, method: str, address: str, allowed: set[str]
) -> int:
    """Every role, and a foreign tenant's bearer of an allowed one, who must see nothing."""
    for role in ROLES:
        for tenant in ("default", FOREIGN_TENANT):
            answer = await client.request(method, address, headers=issuer.headers(role, tenant))
            told = f"{method} {address} as {role} of {tenant}: {answer.status_code} {answer.text[:300]}"
            if role not in allowed:
                assert answer.status_code == 403, told
                _require_problem(answer, "FORBIDDEN", told)
                continue
            assert answer.status_code not in (401, 403, 405, 500), told
            if (
                tenant == FOREIGN_TENANT
                and answer.is_success
                and "json" in answer.headers.get("content-type", "")
            ):
                assert not answer.json().get("items"), f"another tenant's data: {told}"
    return 2 * len(ROLES)


async def _sweep_trust(
    client: httpx.AsyncClient, issuer: TestIssuer, method: str, address: str, allowed: set[str]
) -> int:
    """No token, no bearer, and every untrusted one, of a role that would be allowed."""
    headers: dict[str, dict[str, str]] = {
        "no token": {},
        "an empty token": {"Authorization": "Bearer"},
        "another scheme": {"Authorization": f"Basic {issuer.token('admin')}"},
    }
    for wrong, token in issuer.untrusted(sorted(allowed)[-1]).items():
        headers[wrong] = {"Authorization": f"Bearer {token}"}
    for wrong, given in headers.items():
        answer = await client.request(method, address, headers=given)
        told = f"{method} {address} with {wrong}: {answer.status_code} {answer.text[:300]}"
        assert answer.status_code == 401, told
        assert answer.headers["www-authenticate"].startswith("Bearer"), told
        _require_problem(answer, "UNAUTHENTICATED", told)
    return len(headers)


def _require_problem(answer: httpx.Response, code: str, told: str) -> None:
    assert answer.headers.get("content-type") == "application/problem+json", told
    document = answer.json()
    assert document["code"] == code, told
    assert document["status"] == answer.status_code, told


def _client(app_or_base_url: FastAPI | str) -> httpx.AsyncClient:
    if isinstance(app_or_base_url, str):
        return httpx.AsyncClient(base_url=app_or_base_url, timeout=30, trust_env=False)
    transport = httpx.ASGITransport(app_or_base_url)
    return httpx.AsyncClient(transport=transport, base_url="http://service", timeout=30)


async def _routes(app_or_base_url: FastAPI | str, client: httpx.AsyncClient, issuer: TestIssuer) -> set[str]:
    """`GET /v1/students/{student_id}`, from the app itself or from a running service's description."""
    if isinstance(app_or_base_url, FastAPI):
        return {
            f"{method} {route.path_format}"
            for route in iter_route_contexts(app_or_base_url.routes)
            if route.path not in OPEN_PATHS
            for method in route.methods or ()
        }
    answer = await client.get("/openapi.json", headers=issuer.headers("admin"))
    answer.raise_for_status()
    described = {
        f"{method.upper()} {path}"
        for path, operations in answer.json()["paths"].items()
        if path not in OPEN_PATHS
        for method in operations
    }
    return {*described, "GET /openapi.json"}
