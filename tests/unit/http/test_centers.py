"""A token limited to centres reaches only routes that apply the limit, or that show nothing of a centre."""

from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI

from shared.http import Caller, CenterLimit, Health, TokenVerifier, create_app, json_response, require
from shared.http.auth.callers import ROLES
from tests.tokens import TestIssuer
from tests.unit.http.conftest import Positions
from tests.unit.http.test_problems import problem


@pytest.fixture
def limited(issuer: TestIssuer) -> FastAPI:
    app = create_app(
        title="Limited",
        version="1",
        lifespan=None,
        verifier=TokenVerifier(issuer.jwks_file, issuer.issuer),
        health=Health(dict),
        positions=Positions(),
    )
    for limit in CenterLimit:

        @app.get(f"/v1/{limit.value}")
        async def answer(caller: Annotated[Caller, Depends(require("auditor", centers=limit))]) -> object:
            return json_response(caller.center_filter())

    router = APIRouter(dependencies=[Depends(require("auditor"))])

    @router.get("/v1/narrowed")
    async def narrowed(
        caller: Annotated[Caller, Depends(require("auditor", centers=CenterLimit.APPLIED))],
    ) -> object:
        return json_response(caller.center_filter())

    app.include_router(router)
    return app


async def ask(app: FastAPI, path: str, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://limited") as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize("role", ["auditor", "admin"])
@pytest.mark.parametrize("centers", [[], [1], [2, 1]])
async def test_a_limited_token_reaches_what_applies_the_limit(
    limited: FastAPI, issuer: TestIssuer, role: str, centers: list[int]
) -> None:
    for path in ("/v1/applied", "/v1/unaffected"):
        answer = await ask(limited, path, issuer.headers(role, centers=centers))
        assert (answer.status_code, answer.json()) == (200, sorted(centers))


@pytest.mark.parametrize("role", ["auditor", "admin"])
@pytest.mark.parametrize("path", ["/v1/refused", "/v1/narrowed"])
async def test_a_limited_token_is_refused_where_the_limit_cannot_be_applied(
    limited: FastAPI, issuer: TestIssuer, role: str, path: str
) -> None:
    answer = await ask(limited, path, issuer.headers(role, centers=[1]))
    problem(answer, 403, "CENTERS_NOT_APPLICABLE")
    assert (await ask(limited, path, issuer.headers(role))).status_code == 200


async def test_another_role_is_refused_for_its_role(limited: FastAPI, issuer: TestIssuer) -> None:
    for role in set(ROLES) - {"auditor", "admin"}:
        answer = await ask(limited, "/v1/refused", issuer.headers(role, centers=[1]))
        problem(answer, 403, "FORBIDDEN")


async def test_a_route_that_declares_nothing_refuses_a_limited_token(
    client: httpx.AsyncClient, issuer: TestIssuer
) -> None:
    answer = await client.get("/v1/students", headers=issuer.headers("operator", centers=[1]))
    problem(answer, 403, "CENTERS_NOT_APPLICABLE")


async def test_positions_belong_to_no_centre(client: httpx.AsyncClient, issuer: TestIssuer) -> None:
    answer = await client.get("/v1/positions", headers=issuer.headers("operator", centers=[1]))
    assert answer.status_code == 200
