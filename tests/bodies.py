"""The sweep of bodies: each route that takes one, before its caller is known, of other types, too long, and broken off.

`BODIES` names every route of the services that takes a body; one that it does not name fails the sweep.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import httpx
from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.types import Message, Scope

from services.intake.inbox.http import BATCH, BINARY, SINGLE
from shared.http.auth.callers import ROLES
from shared.http.auth.roles import access_of
from shared.http.bodies import MAX_BODY_BYTES
from shared.http.json_bodies import JSON, MAX_JSON_BYTES
from tests.tokens import TestIssuer

EVENT_BYTES: Final = 256 * 1024
FEW_FIELDS: Final = {JSON: MAX_JSON_BYTES}
BODIES: Final[Mapping[str, Mapping[str, Mapping[str, int]]]] = {
    "intake": {
        "POST /v1/events": {SINGLE: EVENT_BYTES, BINARY: EVENT_BYTES, BATCH: MAX_BODY_BYTES},
        "POST /v1/events/lookup": FEW_FIELDS,
        "POST /v1/students/lookup": FEW_FIELDS,
    },
    "allocation": {},
    "audit": {"POST /v1/verifications": FEW_FIELDS},
}
"""By service and route: the media types, each with the most bytes that are read."""
OTHER_TYPES: Final = ("text/plain", "application/x-www-form-urlencoded", "")
CHUNK: Final = b" " * 4096


class Endless:
    """A body without end; `count` bytes of it were read."""

    def __init__(self) -> None:
        self.count = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            self.count += len(CHUNK)
            yield CHUNK


async def sweep_bodies(app: FastAPI, issuer: TestIssuer, service: str, statuses: Sequence[int]) -> int:
    """Returns the number of requests. The app adds the status of each request that it measures to `statuses`."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service", timeout=30) as client:
        described = (await client.get("/openapi.json", headers=issuer.headers("admin"))).json()["paths"]
        found = {}
        asked = 0
        routes = list(iter_route_contexts(app.routes))
        for route in routes:
            told = f"{route.path_format} is parsed before its caller is known"
            assert not _fastapi_reads_a_body(route), told
        for route in routes:
            for method in route.methods or ():
                operation = described.get(route.path_format, {}).get(method.lower(), {})
                if "requestBody" not in operation:
                    continue
                name = f"{method} {route.path_format}"
                found[name] = set(operation["requestBody"]["content"])
                access = access_of(route)
                roles = access.roles if access is not None else frozenset[str]()
                for media_type, most in BODIES[service].get(name, {}).items():
                    asked += await _sweep_type(client, issuer, method, route, roles, media_type, most)
                    await _break_off(app, issuer, method, route, sorted(roles)[-1], media_type, statuses)
                    asked += 1
        assert found == {name: set(types) for name, types in BODIES[service].items()}
    return asked


def _fastapi_reads_a_body(route: RouteContext) -> bool:
    return bool(getattr(route.original_route, "body_field", None))


async def _sweep_type(
    client: httpx.AsyncClient,
    issuer: TestIssuer,
    method: str,
    route: RouteContext,
    roles: frozenset[str],
    media_type: str,
    most: int,
) -> int:
    """The caller is refused before the body, then its type, then its length."""
    address = route.path_format or ""
    outsiders = [role for role in ROLES if role not in roles]
    refused = [*OTHER_TYPES, f"{media_type}; charset=latin-1"]
    tries = [(role, type_, 403, "FORBIDDEN", 0) for role in outsiders for type_ in (media_type, "text/plain")]
    for role in sorted(roles):
        tries += [(role, type_, 415, "CONTENT_TYPE_UNSUPPORTED", 0) for type_ in refused]
        tries.append((role, media_type, 413, "BODY_TOO_LARGE", most + len(CHUNK)))
    for role, type_, status, code, read in tries:
        body = Endless()
        headers = {**issuer.headers(role), "content-type": type_}
        answer = await client.request(method, address, content=body.chunks(), headers=headers)
        where = f"{method} {address} as {role} with `{type_}`: {answer.status_code} {answer.text[:300]}"
        assert (answer.status_code, answer.json()["code"]) == (status, code), where
        assert body.count <= read, f"{where}: {body.count} bytes were read"
    return len(tries)


async def _break_off(
    app: FastAPI,
    issuer: TestIssuer,
    method: str,
    route: RouteContext,
    role: str,
    media_type: str,
    statuses: Sequence[int],
) -> None:
    """Nobody is answered when the client disconnects within the body, and it counts as 499."""
    sent: list[Message] = []
    messages: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    path = route.path_format or ""
    given = {**issuer.headers(role), "content-type": media_type, "transfer-encoding": "chunked"}
    headers: list[Any] = [(name.lower().encode(), value.encode()) for name, value in given.items()]
    scope: Scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "http_version": "1.1", "scheme": "http",
    }  # fmt: skip
    await app(scope, receive, send)
    assert (sent, statuses[-1]) == ([], 499), f"{method} {path}"
