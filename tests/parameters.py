"""The sweep of parameters: each route of an app with unknown, repeated, misspelt and out-of-range parameters.

The routes come from the app's own table and the parameters from its OpenAPI document, so that a new one is swept too.
"""

import re
from typing import Any, Final

import httpx
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from tests.tokens import TestIssuer

UUID_SAMPLE: Final = "01890a5d-ac96-774b-bcce-b302099a8057"
NOT_DIGITS: Final = ("1_0", "%2010", "%2B10", "10.0")
_PARAMETER: Final = re.compile(r"\{(\w+)(?::\w+)?\}")


async def sweep_parameters(app: FastAPI, issuer: TestIssuer) -> int:
    """Raises `AssertionError` naming the route that accepts what it should refuse; returns the number of requests."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service", timeout=30) as client:
        admin = issuer.headers("admin")
        described = (await client.get("/openapi.json", headers=admin)).json()["paths"]
        asked = 0
        for route in iter_route_contexts(app.routes):
            for method in sorted(route.methods or ()):
                operation = described.get(route.path_format, {}).get(method.lower(), {})
                parameters = operation.get("parameters", [])
                for address, code in _addresses(route.path_format or "", parameters):
                    answer = await client.request(method, address, headers=admin)
                    where = (
                        f"{method} {route.path_format} at {address}: {answer.status_code} {answer.text[:300]}"
                    )
                    assert answer.status_code == 422, where
                    if method != "HEAD":
                        assert [error["code"] for error in answer.json()["errors"]] == [code], where
                    asked += 1
    return asked


def _addresses(path: str, parameters: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What is refused of one route, each with the only error's code."""
    samples = {one["name"]: _sample(one["schema"]) for one in parameters if one["in"] == "path"}
    base = _filled(path, samples)
    wrong = [(f"{base}?unheard_of=1", "PARAMETER_UNKNOWN")]
    for one in parameters:
        name, schema = one["name"], _meant(one["schema"])
        code = f"{name.upper()}_INVALID"
        if one["in"] == "path" and schema.get("type") == "integer":
            wrong += [(_filled(path, {**samples, name: value}), code) for value in _not_numbers(schema)]
        if one["in"] != "query":
            continue
        if schema.get("type") != "array":
            wrong.append((f"{base}?{name}=1&{name}=1", "PARAMETER_REPEATED"))
        if schema.get("type") == "integer":
            wrong += [(f"{base}?{name}={value}", code) for value in _not_numbers(schema)]
    return wrong


def _not_numbers(schema: dict[str, Any]) -> list[str]:
    assert {"minimum", "maximum"} <= schema.keys(), f"an integer without limits: {schema}"
    limits = [schema["minimum"] - 1, schema["maximum"] + 1]
    return [*NOT_DIGITS, *map(str, limits), "9" * 40]


def _filled(path: str, samples: dict[str, str]) -> str:
    return _PARAMETER.sub(lambda part: samples[part[1]], path)


def _sample(schema: dict[str, Any]) -> str:
    if schema.get("format") == "uuid":
        return UUID_SAMPLE
    return str(schema.get("minimum", 1)) if schema.get("type") == "integer" else "intake"


def _meant(schema: dict[str, Any]) -> dict[str, Any]:
    """An optional parameter's schema without null."""
    alternatives = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    found: dict[str, Any] = alternatives[0] if len(alternatives) == 1 else schema
    return found
