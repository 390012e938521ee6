"""A service that cannot start says why in its log: the server it runs in keeps only a line without the reason."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from shared.http import Health, TokenVerifier, create_app
from tests.tokens import TestIssuer


class NoPositions:
    """Nothing is followed."""

    async def log(self) -> tuple[()]:
        return ()

    async def inbox(self) -> tuple[()]:
        return ()

    async def applied(self, source: str, partition: int) -> int | None:
        return None


async def test_the_reason_of_a_failed_start_is_logged_and_raised(tmp_path: Path) -> None:
    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if _app.title:
            raise ValueError("this database was created with 6 partitions")
        yield

    issuer = TestIssuer(tmp_path)
    app = create_app(
        title="test",
        version="1",
        lifespan=lifespan,
        verifier=TokenVerifier(issuer.jwks_file, issuer.issuer),
        health=Health(dict),
        positions=NoPositions(),
    )
    with capture_logs() as lines, pytest.raises(ValueError, match="6 partitions"):
        async with app.router.lifespan_context(app):
            pass
    [line] = lines
    assert (line["event"], line["log_level"]) == ("service_failed", "error")
    assert line["reason"] == "this database was created with 6 partitions"
