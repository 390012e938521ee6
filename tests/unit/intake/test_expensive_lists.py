"""Lists of intake that scan take the caller's slot; those that an index serves do not."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio

from services.intake.crypto.sealing import Keyring
from services.intake.query.references import references_router
from services.intake.query.rejections import rejections_router
from services.intake.query.students import students_router
from shared.http import Caller, ExpensiveReads, Health, TokenVerifier, create_app
from shared.postgres import Pool
from tests.tokens import TestIssuer
from tests.unit.http.conftest import Positions

BUSY = Caller("default", "busy", frozenset({"operator"}))


class Empty:
    """A pool whose reads find nothing."""

    async def fetch(self, _query: str, *_values: object) -> list[Any]:
        return []


@pytest.fixture
def issuer(tmp_path: Path) -> TestIssuer:
    return TestIssuer(tmp_path)


@pytest_asyncio.fixture
async def client(issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    """Of an app in which a read of `BUSY` scans."""
    expensive, pool = ExpensiveReads(4), cast(Pool, Empty())
    app = create_app(
        title="Lists",
        version="1",
        lifespan=None,
        verifier=TokenVerifier(issuer.jwks_file, issuer.issuer),
        health=Health(dict),
        positions=Positions(),
    )
    app.include_router(students_router(pool, Keyring(b"k" * 32), expensive))
    app.include_router(references_router(pool, expensive))
    app.include_router(rejections_router(pool, expensive))
    with expensive.slot(BUSY):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://intake") as made:
            yield made


@pytest.mark.parametrize(
    ("path", "role", "centers", "status"),
    [
        ("/v1/students", "operator", None, 200),
        ("/v1/students?year=1404", "operator", None, 200),
        ("/v1/students?gender=1", "operator", None, 429),
        ("/v1/students?reg_center=1", "operator", None, 429),
        ("/v1/students?group_code=1", "operator", None, 429),
        ("/v1/students?year=1404", "operator", [1], 429),
        ("/v1/mentors", "operator", None, 200),
        ("/v1/mentors?active=true", "operator", None, 429),
        ("/v1/mentors?manager_id=1", "operator", None, 429),
        ("/v1/mentors", "operator", [1], 429),
        ("/v1/managers", "operator", None, 200),
        ("/v1/managers", "operator", [1], 429),
        ("/v1/rejections", "operator", None, 200),
        ("/v1/rejections?status=open", "operator", None, 429),
        ("/v1/rejections", "operator", [1], 429),
        ("/v1/rejections", "admin", None, 429),
    ],
)
async def test_a_list_that_scans_takes_the_callers_slot(
    client: httpx.AsyncClient,
    issuer: TestIssuer,
    path: str,
    role: str,
    centers: list[int] | None,
    status: int,
) -> None:
    claims: dict[str, Any] = {} if centers is None else {"centers": centers}
    answer = await client.get(path, headers=issuer.headers(role, sub="busy", **claims))
    assert answer.status_code == status, answer.text
