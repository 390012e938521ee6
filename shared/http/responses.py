"""JSON answers, encoded by msgspec: no validation of what is our own."""

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

_encoder = msgspec.json.Encoder()


def json_response(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`content` may be built of dicts, lists, dataclasses, structs, UUIDs and datetimes."""
    return Response(_encoder.encode(content), status, headers, "application/json")


def headers_only(answer: Response) -> Response:
    """What HEAD answers: the headers of `answer`, its Content-Length too, and no body."""
    answer.body = b""
    return answer
