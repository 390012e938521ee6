"""Problems (RFC 9457): the one place that turns an error's category into an HTTP status.

    {"type": "urn:rahnama:problem:NATIONAL_ID_INVALID", "title": "Unprocessable Content", "status": 422,
     "detail": "…", "code": "NATIONAL_ID_INVALID", "instance": "/v1/students/lookup", "trace_id": "…",
     "errors": [{"pointer": "/national_id", "code": "NATIONAL_ID_INVALID", "message": "…"}]}

No problem repeats a value of the request beside its path and the name of an unknown parameter; an error inside Rahnama
has no detail.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import asyncpg
import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from shared.errors import (
    Conflict,
    FieldError,
    Forbidden,
    NotFound,
    RahnamaError,
    Rejected,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from shared.http.bodies import (
    BATCH_EMPTY,
    BODY_INCOMPLETE,
    BODY_MISSING,
    BODY_TOO_LARGE,
    CONTENT_TYPE_UNSUPPORTED,
    ENCODING_UNSUPPORTED,
)
from shared.http.routing import allowed_methods
from shared.http.scope import CODE, route_of, traceparent_of
from shared.http.validation import BODY_UNREADABLE, field_errors
from shared.telemetry import trace_id

MAX_INSTANCE_CHARACTERS: Final = 2048
MEDIA_TYPE: Final = "application/problem+json"
READ_TIMEOUT: Final = "READ_TIMEOUT"
READ_TIMEOUT_DETAIL: Final = "The database ended the query at its time limit. Ask for less (a smaller page, another filter), or try again later."
READ_TIMEOUT_RETRY_SECONDS: Final = 10

STATUS_OF_CODE: Final[Mapping[str, int]] = {
    BODY_UNREADABLE: 400,
    "REQUEST_UNREADABLE": 400,
    "CURSOR_INVALID": 400,
    BATCH_EMPTY: 400,
    BODY_MISSING: 400,
    BODY_INCOMPLETE: 400,
    BODY_TOO_LARGE: 413,
    CONTENT_TYPE_UNSUPPORTED: 415,
    ENCODING_UNSUPPORTED: 415,
}
"""Rejections that are not 422."""

_CODE_OF_STATUS: Final[Mapping[int, str]] = {
    400: "REQUEST_UNREADABLE",
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: BODY_TOO_LARGE,
    415: CONTENT_TYPE_UNSUPPORTED,
    503: Unavailable.code,
}
_DATABASE_AWAY: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.TransactionRollbackError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # between a backend's farewell and the end of its connection
    ConnectionError,
    TimeoutError,
)
_PLAIN_PATH: Final = re.compile(
    r"(?:/(?:(?!(?:[^/0-9]*[0-9]){6})[a-z][a-z0-9_.-]{0,40}|[0-9]{1,5}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}))+",
    re.ASCII,
)


class Problem(Response):
    """A problem document with its status and headers."""

    media_type = MEDIA_TYPE


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str | None = None,
    *,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Problem:
    """The problem document for `request`. `detail` must hold no value of it."""
    request.scope[CODE] = code
    document: dict[str, Any] = {
        "type": f"urn:rahnama:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
    }
    if detail:
        document["detail"] = detail
    if (instance := _instance(request)) is not None:
        document["instance"] = instance
    if (traceparent := traceparent_of(request)) is not None:
        document["trace_id"] = trace_id(traceparent)
    if errors:
        document["errors"] = [field_error_document(error) for error in errors]
    return Problem(msgspec.json.encode(document), status, dict(headers or {}))


def _instance(request: Request) -> str | None:
    """The request's path where each part of it is a UUID, or a word or number with fewer than six digits.

    Otherwise the route's template, if any. Any other part may be a name or a national ID, and answers are kept in the logs of others.
    """
    path: str = request.scope["path"]
    if len(path) <= MAX_INSTANCE_CHARACTERS and _PLAIN_PATH.fullmatch(path):
        return path
    return route_of(request.scope)


def field_error_document(error: FieldError) -> dict[str, str]:
    """`{pointer, code, message}`, and `message_fa` where there is one."""
    told = {"pointer": error.pointer, "code": error.code, "message": error.message}
    return {**told, "message_fa": error.message_fa} if error.message_fa else told


def status_of(error: Exception) -> int:
    """The HTTP status of an error's category."""
    match error:
        case Unauthenticated():
            return 401
        case Forbidden():
            return 403
        case NotFound():
            return 404
        case Rejected():
            return STATUS_OF_CODE.get(error.code, 422)
        case TooManyRequests():
            return 429
        case Unavailable() | Conflict():
            return 503
        case _:
            return 503 if isinstance(error, _DATABASE_AWAY) else 500


def problem_of(request: Request, error: Exception) -> Problem:
    """What the caller is told of an error that reached the edge."""
    status = status_of(error)
    match error:
        case Unauthenticated():
            challenge = 'Bearer realm="rahnama"'
            if "authorization" in request.headers:
                challenge += ', error="invalid_token"'
            headers = {"WWW-Authenticate": challenge}
            return problem(request, status, error.code, str(error), headers=headers)
        case Rejected():
            return problem(request, status, error.code, str(error), errors=error.errors)
        case Unavailable():
            headers = {"Retry-After": str(error.retry_after_seconds)}
            return problem(request, status, error.code, str(error), headers=headers)
        case asyncpg.QueryCanceledError():
            headers = {"Retry-After": str(READ_TIMEOUT_RETRY_SECONDS)}
            return problem(request, status, READ_TIMEOUT, READ_TIMEOUT_DETAIL, headers=headers)
        case _ if status == 503:
            return problem(request, status, Unavailable.code, headers={"Retry-After": "1"})
        case _:
            return problem(request, 500, RahnamaError.code)


async def answer_error(request: Request, error: Exception) -> Problem:
    """FastAPI's handler for Rahnama's own errors."""
    return problem_of(request, error)


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """FastAPI's handler for what it and Starlette raise (404, 405, …). Their words are not repeated."""
    assert isinstance(error, HTTPException)
    if error.status_code < 400:
        return Response(status_code=error.status_code, headers=error.headers)
    code = _CODE_OF_STATUS.get(error.status_code) or HTTPStatus(error.status_code).name
    headers = dict(error.headers or {})
    if error.status_code == 405 and (methods := allowed_methods(request)):
        headers["Allow"] = methods
    return problem(request, error.status_code, code, headers=headers)


async def answer_validation_error(request: Request, error: Exception) -> Problem:
    """FastAPI's handler for parameters and bodies that do not fit: 422, or 400 when the body is no JSON."""
    assert isinstance(error, RequestValidationError)
    errors = field_errors(error.errors())
    code = errors[0].code if len(errors) == 1 else Rejected.code
    status = 400 if code == BODY_UNREADABLE else 422
    return problem(request, status, code, "The request does not fit; see `errors`.", errors=errors)
