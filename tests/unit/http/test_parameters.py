"""Parameters: only known ones, each single one once, and numbers as digits within their limits."""

import re
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from shared.http import parameters
from shared.http.validation import MAX_ERRORS
from tests.parameters import sweep_parameters
from tests.tokens import TestIssuer
from tests.unit.http.test_problems import problem


async def errors_of(client: httpx.AsyncClient, headers: dict[str, str], address: str) -> list[dict[str, Any]]:
    answer = await client.get(address, headers=headers)
    assert answer.status_code == 422, answer.text
    errors: list[dict[str, Any]] = answer.json()["errors"]
    return errors


async def test_an_unknown_parameter_is_named_with_the_nearest_known_one(
    client: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    answer = await client.get("/v1/students?yaer=1410", headers=operator)
    (error,) = problem(answer, 422, "PARAMETER_UNKNOWN")["errors"]
    assert error["pointer"] == "/query/yaer"
    assert error["message"] == "`yaer` is not a known parameter; did you mean `year`?"


async def test_a_parameter_unlike_all_others_is_answered_with_the_known_ones(
    client: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    (error,) = await errors_of(client, operator, "/v1/students?zzzz=1")
    assert error["message"].endswith("the known ones are `year`, `min_position`, `limit`, `cursor`.")
    (error,) = await errors_of(client, operator, "/v1/trace?year=1404")
    assert error["message"].endswith("there are none here.")


@pytest.mark.parametrize(
    "name", ["1332073689", "zahra1332073689", "Zahra", "x" * 41, "%0A%1B", "a~b%2Fc", "کد"]
)
async def test_an_unknown_name_that_may_be_a_value_is_not_repeated(
    client: httpx.AsyncClient, operator: dict[str, str], name: str
) -> None:
    (error,) = await errors_of(client, operator, f"/v1/students?{name}=1")
    assert error == {
        "pointer": "/query/",
        "code": "PARAMETER_UNKNOWN",
        "message": "There is an unknown parameter; the known ones are `year`, `min_position`, `limit`, `cursor`.",
    }


async def test_a_known_name_in_other_letters_is_suggested(
    client: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    (error,) = await errors_of(client, operator, "/v1/students?Year=1")
    assert error["message"] == "There is an unknown parameter; did you mean `year`?"


async def test_no_more_names_are_compared_than_errors_are_answered(
    client: httpx.AsyncClient, operator: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def compare(name: str, *_: Any, **__: Any) -> list[str]:
        compared.append(name)
        return []

    monkeypatch.setattr(parameters, "get_close_matches", compare)
    many = "&".join(f"a{number}" + "=1" for number in range(7500))
    assert len(await errors_of(client, operator, f"/v1/students?{many}")) == MAX_ERRORS
    assert len(compared) == MAX_ERRORS


async def test_a_single_parameter_is_given_once_and_a_repeatable_one_often(
    client: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    (error,) = await errors_of(client, operator, "/v1/students?year=1404&year=1404")
    assert (error["pointer"], error["code"]) == ("/query/year", "PARAMETER_REPEATED")
    often = "/v1/students?min_position=intake:3:1&min_position=intake:3:2"
    assert (await client.get(often, headers=operator)).status_code == 200


@pytest.mark.parametrize("value", ["1_0", "%2010", "10%20", "%2B10", "1e1", "10.0", "", "0x1", "۱۰", "--1"])
async def test_a_number_is_digits(client: httpx.AsyncClient, operator: dict[str, str], value: str) -> None:
    (error,) = await errors_of(client, operator, f"/v1/students?limit={value}")
    assert (error["pointer"], error["code"]) == ("/query/limit", "LIMIT_INVALID")
    if value:
        (error,) = await errors_of(client, operator, f"/v1/students/{value}")
        assert (error["pointer"], error["code"]) == ("/path/student_id", "STUDENT_ID_INVALID")


@pytest.mark.parametrize("value", ["0", "-1", "501", "99999999999999999999", "9" * 1500])
async def test_a_number_out_of_range_is_refused_with_the_limits(
    client: httpx.AsyncClient, operator: dict[str, str], value: str
) -> None:
    (error,) = await errors_of(client, operator, f"/v1/students?limit={value}")
    assert error["message"] == "It must be an integer from 1 to 500, written in digits."


async def test_the_message_about_a_body_names_the_limit(
    client: httpx.AsyncClient, operator: dict[str, str]
) -> None:
    for body, message in (
        ({"year": 2**31, "national_id": "1"}, "It must be at most 2147483647."),
        ({"year": 0, "national_id": "1"}, "It must be at least 1."),
        ({"year": 1, "national_id": "1" * 257}, "It must be text of at most 256 characters."),
        ({"year": 1, "national_id": ""}, "It must be text of at least 1 characters."),
    ):
        answer = await client.post("/v1/students/lookup", json=body, headers=operator)
        assert answer.json()["errors"][0]["message"] == message


async def test_several_faults_are_all_named(client: httpx.AsyncClient, operator: dict[str, str]) -> None:
    errors = await errors_of(client, operator, "/v1/students/x?a=1&b=2")
    assert [error["pointer"] for error in errors] == ["/path/student_id", "/query/a", "/query/b"]
    many = "&".join(f"a{number}=1" for number in range(200))
    assert len(await errors_of(client, operator, f"/v1/students?{many}")) == MAX_ERRORS


async def test_who_may_not_ask_learns_nothing_of_the_parameters(
    client: httpx.AsyncClient, issuer: TestIssuer
) -> None:
    answer = await client.get("/v1/students?yaer=1", headers=issuer.headers("metrics"))
    problem(answer, 403, "FORBIDDEN")


async def test_every_route_of_the_sample_refuses_what_it_does_not_declare(
    app: FastAPI, issuer: TestIssuer
) -> None:
    assert await sweep_parameters(app, issuer) > 30


async def test_the_sweep_finds_a_route_that_ignores_a_parameter(app: FastAPI, issuer: TestIssuer) -> None:
    async def lax() -> dict[str, str]:
        return {}

    app.router.dependencies.clear()
    app.add_api_route("/healthy", lax)
    with pytest.raises(AssertionError, match=re.escape("GET /healthy")):
        await sweep_parameters(app, issuer)
