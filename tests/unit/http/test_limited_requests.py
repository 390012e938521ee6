"""Requests that exceed a limit, through the edge: what is answered and logged, and what is not counted."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from shared.http import Health, TokenVerifier, create_app
from shared.http.rate_limits import RateLimits
from tests.tokens import TestIssuer
from tests.unit.http.conftest import Positions, add_routes

QUOTA = 10
MANY = 4 * QUOTA
"""More than any two windows that the test may fall into admit."""


@pytest_asyncio.fixture(loop_scope="session")
async def limited(issuer: TestIssuer) -> AsyncIterator[httpx.AsyncClient]:
    """Of an app that admits one read a second of each subject."""
    app = create_app(
        title="Sample",
        version="1",
        lifespan=None,
        verifier=TokenVerifier(issuer.jwks_file, issuer.issuer),
        health=Health(dict),
        positions=Positions(),
        rate_limits=RateLimits(subject_reads=1),
        cors_origins=("https://console.example",),
    )
    add_routes(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sample") as client:
        yield client


async def until_refused(
    client: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> tuple[list[httpx.Response], httpx.Response]:
    """The answers before the first refusal, and the refusal."""
    answered: list[httpx.Response] = []
    for _ in range(MANY):
        answer = await client.get(path, headers=headers)
        if answer.status_code == 429:
            return answered, answer
        answered.append(answer)
    raise AssertionError(f"{MANY} requests were admitted")


async def test_a_request_beyond_the_limit_is_a_problem_that_says_when_to_come_again(
    limited: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    answered, refused = await until_refused(limited, "/v1/students", operator)
    assert len(answered) >= QUOTA
    assert refused.headers["content-type"] == "application/problem+json"
    problem = refused.json()
    assert (problem["status"], problem["code"]) == (429, "TOO_MANY_REQUESTS")
    assert problem["type"] == "urn:rahnama:problem:TOO_MANY_REQUESTS"
    assert "subject-reads" in problem["detail"]
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    assert refused.headers["ratelimit-policy"] == '"subject-reads";q=10;w=10'
    assert refused.headers["ratelimit"].startswith('"subject-reads";r=0;t=')


async def test_answers_carry_the_fields_whatever_they_are(
    limited: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    for path, status in (("/v1/students", 200), ("/nowhere", 404), ("/v1/failures/bug", 500)):
        answer = await limited.get(path, headers={**operator, "origin": "https://console.example"})
        assert answer.status_code == status
        assert answer.headers["ratelimit"].startswith('"subject-reads";r=')
        assert answer.headers["ratelimit-policy"] == '"subject-reads";q=10;w=10'
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"RateLimit", "RateLimit-Policy"} <= set(exposed)


async def test_a_refused_request_is_a_log_line_with_its_caller(
    limited: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    with capture_logs() as lines:
        _, refused = await until_refused(limited, "/v1/students", operator)
    assert lines == [
        {
            "event": "request_refused",
            "log_level": "warning",
            "code": "TOO_MANY_REQUESTS",
            "method": "GET",
            "status": 429,
            "route": None,
            "subject": "test-operator",
            "tenant": "default",
            "trace_id": refused.json()["trace_id"],
        }
    ]


async def test_health_and_requests_without_a_valid_token_are_not_counted(
    limited: httpx.AsyncClient, issuer: TestIssuer
) -> None:
    for path, headers, status in (
        ("/healthz", {}, 200),
        ("/readyz", {}, 200),
        ("/v1/students", {}, 401),
        ("/v1/students", issuer.headers("operator", exp=1), 401),
        ("/metrics", issuer.headers("metrics"), 200),
    ):
        for _ in range(MANY):
            answer = await limited.get(path, headers=headers)
            assert (answer.status_code, "ratelimit" in answer.headers) == (status, False), path


async def test_one_subject_is_refused_while_another_reads(
    limited: httpx.AsyncClient, issuer: TestIssuer
) -> None:
    await until_refused(limited, "/v1/students", issuer.headers("operator", sub="flood"))
    calm = await limited.get("/v1/students", headers=issuer.headers("operator", sub="calm"))
    assert calm.status_code == 200


async def test_a_body_is_not_read_for_a_request_that_is_refused(
    limited: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    await until_refused(limited, "/v1/students", operator)

    async def body() -> AsyncIterator[bytes]:
        pytest.fail("the body was read")
        yield b""

    refused = await limited.post("/v1/students/lookup", content=body(), headers=operator)
    assert refused.status_code == 429


async def test_without_limits_no_answer_carries_the_fields(
    client: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    answer = await client.get("/v1/students", headers=operator)
    assert (answer.status_code, "ratelimit" in answer.headers) == (200, False)
