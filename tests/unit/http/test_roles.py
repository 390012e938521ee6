"""Every route is reached with the roles it names, and with nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from shared.http import Caller, Health, TokenVerifier, create_app, require
from tests.sweep import sweep
from tests.tokens import TestIssuer
from tests.unit.http.conftest import ROUTES, Positions


async def test_every_route_answers_to_its_roles_only(app: FastAPI, issuer: TestIssuer) -> None:
    assert await sweep(app, issuer, ROUTES) > 300


async def test_the_sweep_finds_a_route_that_its_table_does_not_name(app: FastAPI, issuer: TestIssuer) -> None:
    fewer = {route: roles for route, roles in ROUTES.items() if route != "POST /v1/events"}
    with pytest.raises(AssertionError, match="POST /v1/events"):
        await sweep(app, issuer, fewer)


async def test_the_sweep_finds_a_role_too_many_and_one_too_few(app: FastAPI, issuer: TestIssuer) -> None:
    for roles in ({"operator"}, {"operator", "auditor", "upstream"}):
        with pytest.raises(AssertionError, match=r"GET /v1/students as (auditor|upstream)"):
            await sweep(app, issuer, {**ROUTES, "GET /v1/students": roles})


def bare(issuer: TestIssuer) -> FastAPI:
    return create_app(
        title="Bare",
        version="1",
        lifespan=None,
        verifier=TokenVerifier(issuer.jwks_file, issuer.issuer),
        health=Health(dict),
        positions=Positions(),
    )


async def start(app: FastAPI) -> None:
    async with app.router.lifespan_context(app):
        pass


async def nothing() -> None:
    """An endpoint."""


async def test_an_app_with_a_route_without_a_role_does_not_start(issuer: TestIssuer) -> None:
    app = bare(issuer)
    app.add_api_route("/v1/secret", nothing)
    with pytest.raises(RuntimeError, match="GET /v1/secret"):
        await start(app)


async def test_a_route_in_an_included_router_is_looked_at_too(issuer: TestIssuer) -> None:
    app = bare(issuer)
    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer")
    inner.add_api_route("/secret", nothing, methods=["POST"])
    outer.include_router(inner)
    app.include_router(outer, prefix="/v1")
    with pytest.raises(RuntimeError, match="POST /v1/outer/inner/secret"):
        await start(app)


@pytest.mark.parametrize("kind", ["route", "mount", "websocket"])
async def test_what_cannot_name_a_role_does_not_start(issuer: TestIssuer, kind: str) -> None:
    app = bare(issuer)
    match kind:
        case "route":
            app.router.routes.append(Route("/plain", PlainTextResponse("x")))
        case "mount":
            app.router.routes.append(Mount("/files", FastAPI()))
        case _:
            app.add_api_websocket_route("/socket", nothing)
    with pytest.raises(RuntimeError, match="names no role"):
        await start(app)


async def test_a_router_may_name_the_role_for_its_routes(issuer: TestIssuer) -> None:
    app = bare(issuer)
    router = APIRouter(dependencies=[Depends(require("auditor"))])
    router.add_api_route("/v1/ledger", nothing)
    app.include_router(router)
    await start(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://bare") as client:
        answers = {
            role: (await client.get("/v1/ledger", headers=issuer.headers(role))).status_code
            for role in ("auditor", "operator")
        }
    assert answers == {"auditor": 200, "operator": 403}


async def test_the_services_own_lifespan_runs_after_the_check(tmp_path: Path) -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        seen.append("started")
        yield
        seen.append("stopped")

    issuer = TestIssuer(tmp_path)
    app = create_app(
        title="Bare",
        version="1",
        lifespan=lifespan,
        verifier=TokenVerifier(issuer.jwks_file, issuer.issuer),
        health=Health(dict),
        positions=Positions(),
    )
    await start(app)
    assert seen == ["started", "stopped"]
    app.add_api_route("/v1/secret", nothing)
    with pytest.raises(RuntimeError):
        await start(app)
    assert seen == ["started", "stopped"]


@pytest.mark.parametrize("roles", [(), ("root",), ("operator", "Operator")])
def test_a_role_that_no_token_has_cannot_be_named(roles: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="a route names"):
        require(*roles)


async def test_the_description_says_which_roles_reach_a_route(app: FastAPI, issuer: TestIssuer) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sample") as client:
        answer = await client.get("/openapi.json", headers=issuer.headers("upstream"))
    document: dict[str, Any] = answer.json()
    assert document["info"]["version"] == "1.2.3"
    operation = document["paths"]["/v1/students"]["get"]
    assert operation["x-roles"] == ["admin", "auditor", "operator"]
    assert operation["security"] == [{"bearer": []}]
    assert document["paths"]["/v1/ledger/{partition}"]["get"]["x-roles"] == ["admin", "auditor"]
    assert "security" not in document["paths"]["/healthz"]["get"]
    assert "422" not in operation["responses"]


async def test_there_are_no_pages_of_documentation(app: FastAPI, issuer: TestIssuer) -> None:
    paths = {getattr(route, "path", "") for route in app.routes if isinstance(route, APIRoute)}
    assert not paths & {"/docs", "/redoc"}


async def test_a_dependency_gives_the_caller(issuer: TestIssuer) -> None:
    app = bare(issuer)

    @app.get("/v1/me")
    async def me(caller: Annotated[Caller, Depends(require("operator"))]) -> dict[str, str]:
        return {"subject": caller.subject}

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bare") as client:
        answer = await client.get("/v1/me", headers=issuer.headers("admin", sub="zahra"))
    assert answer.json() == {"subject": "zahra"}
