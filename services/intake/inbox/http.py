"""`POST /v1/events` and `/v1/events/lookup`: upstream's door over HTTP."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import unquote_to_bytes

import msgspec
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.responses import Response

from services.intake.append.decide_batch import ReceivedEvent
from services.intake.append.idempotency import Answers, Result, encoder
from services.intake.append.writer import Writer
from services.intake.crypto.digests import event_keys
from services.intake.crypto.sealing import Keyring
from services.intake.decide.events import MAX_ID, MAX_SOURCE, MAX_TYPE
from services.intake.inbox.batches import BatchUnreadable, split_with_pauses
from services.intake.inbox.receive import Receiver
from services.intake.settings import Settings
from shared.errors import FieldError, NotFound, Rejected
from shared.http.auth.callers import Caller
from shared.http.auth.roles import require
from shared.http.bodies import BATCH_EMPTY, read_body, require_content_type
from shared.http.json_bodies import JsonBody, request_body
from shared.http.numbers import ShortText
from shared.http.openapi import problem_content, schema_of
from shared.http.responses import json_response
from shared.http.scope import traceparent_of
from shared.http.validation import BODY_UNREADABLE

SINGLE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
BINARY: Final = "application/json"
ATTRIBUTE_PREFIX: Final = b"ce-"
EVENTS_BETWEEN_PAUSES: Final = 100
BYTES_BETWEEN_PAUSES: Final = 64 * 1024
"""Of events that are read before others get their turn: opening a thousand usual ones takes 50 ms, a long one 15."""

_RESULT: Final = schema_of(Result)
SEND_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    202: {
        "description": "The event's result; of a batch, one for each event in the order sent.",
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        _RESULT,
                        {
                            "type": "object",
                            "required": ["results"],
                            "properties": {"results": {"type": "array", "items": _RESULT}},
                        },
                    ]
                }
            }
        },
    },
    422: {
        "description": "The single event was rejected (its result), or the request does not fit (a problem).",
        "content": {"application/json": {"schema": _RESULT}, **problem_content()},
    },
}

_EVENT: Final = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "maxLength": MAX_ID},
        "source": {"type": "string", "minLength": 1, "maxLength": MAX_SOURCE},
        "type": {"type": "string", "minLength": 1, "maxLength": MAX_TYPE},
        "time": {"type": ["string", "null"], "format": "date-time"},
        "datacontenttype": {"type": ["string", "null"]},
        "data": {"type": ["object", "null"]},
    },
}
SEND_BODY: Final = request_body(
    {SINGLE: _EVENT, BATCH: {"type": "array", "minItems": 1, "items": _EVENT}, BINARY: {"type": "object"}}
)

Upstream = Annotated[Caller, Depends(require("upstream"))]


class LookupBody(BaseModel):
    """Which event's result is wanted."""

    source: ShortText
    id: ShortText


LOOKUP: Final = JsonBody(LookupBody)


def events_router(
    settings: Settings, receiver: Receiver, writer: Writer, answers: Answers, keyring: Keyring
) -> APIRouter:
    """The routes; every event that can be read gets its result, a refused one too."""
    router = APIRouter(tags=["events"])

    @router.post("/v1/events", status_code=202, responses=SEND_RESPONSES, openapi_extra=SEND_BODY)
    async def send_events(request: Request, caller: Upstream) -> Any:
        """One CloudEvent (202, or 422 when it is rejected) or a batch of them (202), in the order sent."""
        writer.require_room()
        kind = require_content_type(request, (SINGLE, BATCH, BINARY), json=BINARY)
        traceparent = traceparent_of(request)
        if kind == BATCH:
            body = await read_body(request, settings.request_bytes)
            arrivals = await _open_batch(body, settings.request_events, receiver, caller.tenant, traceparent)
            if not arrivals:
                raise Rejected("The batch has no events; send at least one.", code=BATCH_EMPTY)
            return Response(
                encoder.encode({"results": await writer.submit(arrivals)}),
                202,
                media_type="application/json",
            )
        body = await read_body(request, settings.event_bytes)
        if kind == SINGLE:
            _require_json(body)
            arrival = receiver.from_http(body, caller.tenant, traceparent)
        else:
            headers = _binary_headers(request.scope["headers"])
            arrival = receiver.from_http_binary(headers, body, caller.tenant, traceparent)
        return _answer((await writer.submit([arrival]))[0])

    @router.post("/v1/events/lookup", openapi_extra=LOOKUP.openapi)
    async def look_up_event(request: Request, caller: Upstream) -> Any:
        """The result of an event that was sent before, by either door."""
        wanted = await LOOKUP.read(request)
        allowed, refused = event_keys(keyring.tenant(caller.tenant).mac, wanted.source, wanted.id)
        answer = await answers.find(allowed, refused)
        if answer is None:
            raise NotFound("No event with this source and id was answered.")
        return json_response(answer.result(wanted.source, wanted.id, answer.status, allowed.hex()))

    return router


async def _open_batch(
    body: bytes, most: int, receiver: Receiver, tenant: str, traceparent: str | None
) -> Sequence[ReceivedEvent]:
    arrivals: list[ReceivedEvent] = []
    read_bytes = 0
    try:
        for item in split_with_pauses(body, most):
            if item is None:
                await asyncio.sleep(0)
                continue
            if len(arrivals) == most:
                raise Rejected(f"A batch has at most {most} events.", code="BODY_TOO_LARGE")
            value = bytes(item)
            arrivals.append(receiver.from_http(value, tenant, traceparent))
            read_bytes += len(value)
            if len(arrivals) % EVENTS_BETWEEN_PAUSES == 0 or read_bytes >= BYTES_BETWEEN_PAUSES:
                read_bytes = 0
                await asyncio.sleep(0)
    except BatchUnreadable as error:
        place = f"byte {error.offset}, event {error.index}"
        raise Rejected(
            f"The batch is not a JSON array: it cannot be read at {place} (both counted from 0).",
            code=BODY_UNREADABLE,
            errors=(
                FieldError(
                    f"/{error.index}",
                    BODY_UNREADABLE,
                    f"not readable at {place}",
                    f"در بایت {error.offset}، رویداد {error.index} خوانده نمی‌شود",
                ),
            ),
        ) from None
    return arrivals


def _require_json(body: bytes) -> None:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise _unreadable() from None


def _binary_headers(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, bytes]]:
    """HTTP's `ce-` headers under the names that Kafka's binding gives them."""
    found = [("content-type", BINARY.encode())]
    for name, value in headers:
        if name.startswith(ATTRIBUTE_PREFIX):
            attribute = name[len(ATTRIBUTE_PREFIX) :].decode("latin-1")
            found.append((f"ce_{attribute}", unquote_to_bytes(value)))
    return found


def _answer(result: Result) -> Response:
    rejected = bool(result.errors) and result.status == "rejected"
    return Response(encoder.encode(result), 422 if rejected else 202, media_type="application/json")


def _unreadable() -> Rejected:
    return Rejected("The body is no JSON of the kind that its type says.", code=BODY_UNREADABLE)
