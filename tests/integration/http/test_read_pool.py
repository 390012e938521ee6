"""The pool of reads: the server ends a statement that takes too long, and of that pool alone."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import Depends

from services.audit.settings import Settings
from shared.http import Caller, Health, create_app, json_response, require, verifier_of
from shared.postgres import Pool, connections
from shared.service.resources import pools_of
from tests.deadlines import expected_within
from tests.integration.http.test_server import NoPositions
from tests.serving import served
from tests.tokens import TestIssuer

if TYPE_CHECKING:
    from infra.local.databases import Databases

SLEEP = "select pg_sleep(20)"


@pytest.fixture
def issuer(tmp_path: Path) -> TestIssuer:
    return TestIssuer(tmp_path)


@pytest.fixture
def settings(databases: "Databases", issuer: TestIssuer) -> Settings:
    return Settings(
        database_url=databases.audit.dsn,
        jwks_file=issuer.jwks_file,
        jwt_issuer=issuer.issuer,
        read_seconds=0.2,
    )


@pytest_asyncio.fixture(loop_scope="session")
async def pools(settings: Settings) -> AsyncIterator[tuple[Pool, Pool]]:
    pool, reads = pools_of(settings, "test")
    async with pool, reads:
        yield pool, reads


async def test_a_read_that_sleeps_is_answered_503_and_its_connection_is_used_again(
    pools: tuple[Pool, Pool], settings: Settings, issuer: TestIssuer
) -> None:
    _, reads = pools
    app = create_app(
        title="Sample",
        version="1",
        lifespan=None,
        verifier=verifier_of(settings),
        health=Health(dict),
        positions=NoPositions(),
    )

    @app.get("/v1/sleep")
    async def sleep(_caller: Annotated[Caller, Depends(require("operator"))]) -> Any:
        return json_response(await reads.fetchval(SLEEP))

    @app.get("/v1/one")
    async def one(_caller: Annotated[Caller, Depends(require("operator"))]) -> Any:
        return json_response(await reads.fetchval("select 1"))

    async with (
        served(app, lifespan="off") as address,
        httpx.AsyncClient(
            base_url=address, headers=issuer.headers("operator"), trust_env=False, timeout=60
        ) as client,
    ):
        for _ in range(2):
            answer = await client.get("/v1/sleep")
            assert (answer.status_code, answer.json()["code"]) == (503, "READ_TIMEOUT")
            assert int(answer.headers["retry-after"]) >= 1
            assert (await client.get("/v1/one")).json() == 1
    assert reads.get_size() == 1


async def test_a_read_that_waits_too_long_for_a_connection_is_503(
    pools: tuple[Pool, Pool], settings: Settings, issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ACQUIRE_SECONDS", 0.1)
    _, reads = pools
    app = create_app(
        title="Sample",
        version="1",
        lifespan=None,
        verifier=verifier_of(settings),
        health=Health(dict),
        positions=NoPositions(),
    )

    @app.get("/v1/one")
    async def one(_caller: Annotated[Caller, Depends(require("operator"))]) -> Any:
        return json_response(await reads.fetchval("select 1"))

    async with (
        served(app, lifespan="off") as address,
        httpx.AsyncClient(
            base_url=address, headers=issuer.headers("operator"), trust_env=False, timeout=60
        ) as client,
    ):
        async with AsyncExitStack() as taken:
            for _ in range(reads.get_max_size()):
                await taken.enter_async_context(reads.acquire())
            async with expected_within(10, "an answer without a connection"):
                answer = await client.get("/v1/one")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert (await client.get("/v1/one")).json() == 1


async def test_reads_alone_are_bounded(pools: tuple[Pool, Pool]) -> None:
    pool, reads = pools
    assert await pool.fetchval("show statement_timeout") == "0"
    assert await reads.fetchval("show statement_timeout") == "200ms"
    with pytest.raises(asyncpg.QueryCanceledError):
        await reads.execute(SLEEP)
