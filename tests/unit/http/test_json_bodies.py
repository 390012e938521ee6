"""JSON bodies that a handler reads: what fits, what may be left out, and how they are described."""

from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from starlette.requests import Request
from starlette.types import Message

from shared.errors import Rejected
from shared.http.json_bodies import JsonBody, request_body
from tests.unit.http.conftest import Lookup
from tests.unit.http.test_problems import problem


class Named(BaseModel):
    """A body that may be left out."""

    sources: tuple[str, ...] = ("all",)


NAMED = JsonBody(Named, default=Named(), limit=50)


def request_of(content: bytes, **headers: str) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    given = {"content-type": "application/json", "content-length": str(len(content)), **headers}
    scope: dict[str, Any] = {
        "type": "http",
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in given.items() if value
        ],
    }
    return Request(scope, receive)


@pytest.mark.parametrize(
    ("content", "headers", "sources"),
    [
        (b"", {}, ("all",)),
        (b"", {"content_length": "", "content-length": "", "content-type": ""}, ("all",)),
        (b"null", {}, ("all",)),
        (b"{}", {}, ("all",)),
        (b'{"sources": ["a"]}', {}, ("a",)),
        (b'\xef\xbb\xbf{"sources": ["a"]}', {"content-type": "application/merge-patch+json"}, ("a",)),
        (b'{"sources": ["a"]}', {"content-length": "", "transfer-encoding": "chunked"}, ("a",)),
    ],
)
async def test_what_may_be_left_out_has_its_default(
    content: bytes, headers: dict[str, str], sources: tuple[str, ...]
) -> None:
    assert (await NAMED.read(request_of(content, **headers))).sources == sources


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "BODY_UNREADABLE"),
        (b"[" * 40, "BODY_UNREADABLE"),
        (b"\xff\xfe", "BODY_UNREADABLE"),
        (b'{"sources": "\\ud800"}', "BODY_UNREADABLE"),
        (b"[]", "BODY_INVALID"),
        (b'{"sources": 1}', "SOURCES_INVALID"),
        (b" " * 51, "BODY_TOO_LARGE"),
    ],
)
async def test_what_does_not_fit_is_rejected_and_not_kept_as_a_cause(content: bytes, code: str) -> None:
    with pytest.raises(Rejected) as raised:
        await NAMED.read(request_of(content))
    assert raised.value.code == code
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)


@pytest.mark.parametrize(("content", "status"), [(b"{", 400), (b"", 400), (b"null", 422), (b"1", 422)])
async def test_a_body_that_is_needed_may_not_be_left_out(
    client: httpx.AsyncClient, operator: dict[str, str], content: bytes, status: int
) -> None:
    headers = {**operator, "content-type": "application/json"}
    answer = await client.post("/v1/students/lookup", content=content, headers=headers)
    problem(answer, status, {b"{": "BODY_UNREADABLE", b"": "BODY_MISSING"}.get(content, "BODY_INVALID"))


async def test_the_body_is_described(client: httpx.AsyncClient, operator: dict[str, str]) -> None:
    document = (await client.get("/openapi.json", headers=operator)).json()
    described = document["paths"]["/v1/students/lookup"]["post"]["requestBody"]
    assert described == request_body({"application/json": Lookup.model_json_schema()})["requestBody"]
    assert described["required"] is True
    assert NAMED.openapi["requestBody"]["required"] is False
