"""schemathesis finds what a service answers against its document; a service that keeps to it passes."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
import uvicorn
from fastapi import Depends, FastAPI

from shared.http import Caller, Health, InboxPosition, LogPosition, TokenVerifier, create_app, require
from shared.http.server.connections import bounded_protocol
from tests.fuzz.api.schemathesis_run import KNOWN, run_schemathesis
from tests.tokens import TestIssuer


class NoPositions:
    """Of a service without a log and an inbox."""

    async def log(self) -> list[LogPosition]:
        return []

    async def inbox(self) -> list[InboxPosition]:
        return []

    async def applied(self, source: str, partition: int) -> int | None:
        return None


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The URL of a running server."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, http=bounded_protocol(), ws="none", log_level="critical", access_log=False, server_header=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await task


def app_of(issuer: TestIssuer, planted: str) -> FastAPI:
    app = create_app(
        title="Sample",
        version="1",
        lifespan=None,
        verifier=TokenVerifier(issuer.jwks_file, issuer.issuer),
        health=Health(dict),
        positions=NoPositions(),
    )

    @app.get("/v1/things/{number}")
    async def thing(number: int, _caller: Annotated[Caller, Depends(require("operator"))]) -> Any:
        """A number, or what is planted."""
        if planted == "error" and number == 7:
            raise KeyError("planted")
        return {"number": str(number) if planted == "type" else number}

    return app


@pytest.mark.parametrize(
    ("planted", "code", "found"),
    [("nothing", 0, "passed"), ("error", 1, "Server error"), ("type", 1, "violates schema")],
)
async def test_a_planted_fault_is_found_and_nothing_else(
    tmp_path: Path, planted: str, code: int, found: str
) -> None:
    issuer = TestIssuer(tmp_path)
    token = issuer.token(["operator", "metrics"])
    (tmp_path / KNOWN).write_text(json.dumps({"number": [7]}))
    async with serving(app_of(issuer, planted)) as url:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{url}/openapi.json", headers={"authorization": f"Bearer {token}"})
        document = answer.json()
        schema = {"type": "object", "properties": {"number": {"type": "integer"}}}
        content = {"application/json": {"schema": schema}}
        document["paths"]["/v1/things/{number}"]["get"]["responses"]["200"]["content"] = content
        file = tmp_path / "document.json"
        file.write_text(json.dumps(document))
        printed = tmp_path / "printed"
        assert await run_schemathesis(url, file, token, examples=3, seed=7, output=printed) == code
    assert found in printed.read_text()
