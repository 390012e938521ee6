"""Problems: one shape for everything that goes wrong, and never a value of the request in it."""

import json
import re
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from tests.tokens import TestIssuer

SECRET = "1332073689"


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer, after what holds for all of them was looked at."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"] == f"urn:rahnama:problem:{code}"
    assert document["title"]
    assert re.fullmatch("[0-9a-f]{32}", document["trace_id"])
    assert SECRET not in answer.text
    return document


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("rejected", 422, "NATIONAL_ID_INVALID"),
        ("reused", 422, "ID_REUSED"),
        ("missing", 404, "NOT_FOUND"),
        ("closed", 503, "GATE_CLOSED"),
        ("conflict", 503, "UNAVAILABLE"),
        ("away", 503, "UNAVAILABLE"),
        ("bug", 500, "INTERNAL"),
    ],
)
async def test_an_errors_category_is_its_status(
    client: httpx.AsyncClient, operator: dict[str, str], kind: str, status: int, code: str
) -> None:
    answer = await client.get(f"/v1/failures/{kind}", headers=operator)
    document = problem(answer, status, code)
    assert document["instance"] == f"/v1/failures/{kind}"
    assert "secret" not in answer.text
    if status == 503:
        assert int(answer.headers["retry-after"]) >= 1


async def test_field_errors_have_pointers_and_both_languages(
    client: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    answer = await client.get("/v1/failures/rejected", headers=operator)
    assert problem(answer, 422, "NATIONAL_ID_INVALID")["errors"] == [
        {
            "pointer": "/data/national_id",
            "code": "NATIONAL_ID_INVALID",
            "message": "It is not valid.",
            "message_fa": "نادرست است",
        }
    ]


async def test_an_error_inside_is_told_without_detail_and_logged_without_its_message(
    client: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    with capture_logs() as lines:
        answer = await client.get("/v1/failures/bug", headers=operator)
    assert set(problem(answer, 500, "INTERNAL")) == {
        "type",
        "title",
        "status",
        "code",
        "instance",
        "trace_id",
    }
    (line,) = lines
    assert line["event"] == "request_failed"
    assert line["route"] == "/v1/failures/{kind}"
    assert line["error"]["type"] == "ValueError"
    assert SECRET not in json.dumps(lines)


async def test_the_query_is_not_repeated(client: httpx.AsyncClient, operator: dict[str, str]) -> None:
    answer = await client.get(f"/v1/students?cursor={SECRET}", headers=operator)
    assert problem(answer, 400, "CURSOR_INVALID")["instance"] == "/v1/students"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"year": 1404}, "/national_id", "NATIONAL_ID_MISSING"),
        ({"year": SECRET + "x", "national_id": "1"}, "/year", "YEAR_INVALID"),
        ({"year": 2**31, "national_id": "1"}, "/year", "YEAR_INVALID"),
        ({"year": 2**70, "national_id": "1"}, "/year", "YEAR_INVALID"),
        ({"year": 1404, "national_id": [SECRET]}, "/national_id", "NATIONAL_ID_INVALID"),
        ({"year": 1404, "national_id": SECRET * 100}, "/national_id", "NATIONAL_ID_INVALID"),
        ({"year": 1404, "national_id": "\x00"}, "/national_id", "NATIONAL_ID_INVALID"),
        ({"year": 1404, "national_id": "1", SECRET: 1}, "", "FIELD_UNKNOWN"),
        ([SECRET], "", "BODY_INVALID"),
    ],
)
async def test_a_body_that_does_not_fit_names_the_field(
    client: httpx.AsyncClient, operator: dict[str, str], body: Any, pointer: str, code: str
) -> None:
    answer = await client.post("/v1/students/lookup", json=body, headers=operator)
    (error,) = problem(answer, 422, code)["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert error["message"]


async def test_several_errors_have_one_general_code(
    client: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    answer = await client.post("/v1/students/lookup", json={}, headers=operator)
    errors = problem(answer, 422, "INVALID")["errors"]
    assert [error["code"] for error in errors] == ["NATIONAL_ID_MISSING", "YEAR_MISSING"]


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b'{"year": 1404, "national_id": "\\ud800"}', b"[" * 100_000]
)
async def test_a_body_that_is_no_json_is_a_bad_request(
    client: httpx.AsyncClient, operator: dict[str, str], body: bytes
) -> None:
    headers = {**operator, "content-type": "application/json"}
    answer = await client.post("/v1/students/lookup", content=body[:3000], headers=headers)
    assert answer.status_code in (400, 422), answer.text
    problem(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize(
    "value", ["x", "0", "-1", "2147483648", "99999999999999999999", "9" * 1500, "1.5", "٣x"]
)
async def test_numbers_that_the_database_cannot_hold_are_refused(
    client: httpx.AsyncClient, operator: dict[str, str], value: str
) -> None:
    in_query = problem(await client.get(f"/v1/students?year={value}", headers=operator), 422, "YEAR_INVALID")
    assert in_query["errors"][0]["pointer"] == "/query/year"
    in_path = problem(await client.get(f"/v1/students/{value}", headers=operator), 422, "STUDENT_ID_INVALID")
    assert in_path["errors"][0]["pointer"] == "/path/student_id"


async def test_the_instance_is_the_path_of_the_request_which_no_log_line_has(
    client: httpx.AsyncClient, issuer: TestIssuer, operator: dict[str, str]
) -> None:
    path = "/v1/students/000"
    with capture_logs() as lines:
        await require_instances(client, issuer, operator, path)
    assert {line["route"] for line in lines} == {"/v1/students/{student_id}"}
    assert "000" not in str([{**line, "trace_id": ""} for line in lines])


@pytest.mark.parametrize(
    "part",
    [
        "x%20y",
        "1332073689",
        "ID%201332073689",
        "%D8%B2%D9%87%D8%B1%D8%A7",
        "Zahra",
        "n1332073689",
        "133207",
        "n1-3-3-2-0-7",
        "9121234567.x",
        "x1332073689",
    ],
)
async def test_a_part_of_the_path_that_may_be_personal_is_not_repeated(
    client: httpx.AsyncClient, operator: dict[str, str], part: str
) -> None:
    routed = await client.delete(f"/v1/students/{part}", headers=operator)
    assert routed.json()["instance"] == "/v1/students/{student_id}"
    unknown = await client.get(f"/v1/nowhere/{part}", headers=operator)
    assert "instance" not in unknown.json()


@pytest.mark.parametrize("part", ["12345", "a12345", "b2-3.x_4", "018f0000-0000-7000-8000-000000000001"])
async def test_a_part_with_few_digits_and_a_uuid_are_repeated(
    client: httpx.AsyncClient, operator: dict[str, str], part: str
) -> None:
    unknown = await client.get(f"/v1/nowhere/{part}", headers=operator)
    assert unknown.json()["instance"] == f"/v1/nowhere/{part}"


async def require_instances(
    client: httpx.AsyncClient, issuer: TestIssuer, operator: dict[str, str], path: str
) -> None:
    for answer, status, code in (
        (await client.get(path, headers=operator), 422, "STUDENT_ID_INVALID"),
        (await client.delete(path, headers=operator), 405, "METHOD_NOT_ALLOWED"),
        (await client.get(path, headers=issuer.headers("metrics")), 403, "FORBIDDEN"),
    ):
        assert problem(answer, status, code)["instance"] == path


async def test_an_unknown_path_is_not_found(client: httpx.AsyncClient, operator: dict[str, str]) -> None:
    answer = await client.get("/v1/nowhere", headers=operator)
    assert problem(answer, 404, "NOT_FOUND")["instance"] == "/v1/nowhere"


async def test_another_method_says_which_are_allowed(
    client: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    answer = await client.delete("/v1/students", headers=operator)
    problem(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET"


async def test_a_missing_token_and_a_wrong_one_are_challenged_differently(client: httpx.AsyncClient) -> None:
    missing = await client.get("/v1/students")
    problem(missing, 401, "UNAUTHENTICATED")
    assert missing.headers["www-authenticate"] == 'Bearer realm="rahnama"'
    wrong = await client.get("/v1/students", headers={"Authorization": "Bearer x"})
    assert wrong.headers["www-authenticate"] == 'Bearer realm="rahnama", error="invalid_token"'


async def test_without_a_token_no_path_is_told_from_another(client: httpx.AsyncClient) -> None:
    answers = [await client.get(path) for path in ("/v1/students", "/nowhere", "/docs")]
    assert {answer.status_code for answer in answers} == {401}


async def test_two_tokens_are_none(client: httpx.AsyncClient, issuer: TestIssuer) -> None:
    token = f"Bearer {issuer.token('operator')}"
    headers = [("Authorization", token), ("Authorization", token)]
    problem(await client.get("/v1/students", headers=headers), 401, "UNAUTHENTICATED")


@pytest.mark.parametrize("address", ["/v1/students/%00", "/v1/students?cursor=%00", f"/{'x' * 3000}"])
async def test_an_address_that_no_database_takes_is_refused(
    client: httpx.AsyncClient, operator: dict[str, str], address: str
) -> None:
    problem(await client.get(address, headers=operator), 400, "REQUEST_UNREADABLE")
