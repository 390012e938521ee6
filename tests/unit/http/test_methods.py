"""Methods: HEAD on health routes, and 405 with the methods that the path has."""

import httpx
import pytest

from tests.unit.http.test_problems import problem


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("reason", [None, "it is away"])
async def test_head_on_a_health_route_answers_as_get_without_a_body(
    client: httpx.AsyncClient, parts: dict[str, str | None], path: str, reason: str | None
) -> None:
    parts["database"] = reason
    got, head = await client.get(path), await client.head(path)
    assert head.status_code == got.status_code
    assert head.headers == got.headers
    assert int(head.headers["content-length"]) == len(got.content) > 0
    assert head.content == b""


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/students/lookup", "POST"),
        ("DELETE", "/v1/students/lookup", "POST"),
        ("DELETE", "/v1/students/7", "GET"),
        ("POST", "/v1/students/7", "GET"),
        ("PUT", "/v1/students", "GET"),
        ("POST", "/healthz", "GET, HEAD"),
        ("GET", "/v1/events", "POST"),
    ],
)
async def test_another_method_is_answered_with_those_of_the_path(
    client: httpx.AsyncClient, operator: dict[str, str], method: str, path: str, allowed: str
) -> None:
    answer = await client.request(method, path, headers=operator)
    problem(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers.get_list("allow") == [allowed]


async def test_a_value_like_the_literal_one_is_still_a_value(
    client: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    problem(await client.get("/v1/students/lookups", headers=operator), 422, "STUDENT_ID_INVALID")
