"""Request bodies: bounded one by one and all together, whole, and of a known type."""

from collections.abc import Iterable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from shared.errors import Rejected

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
BYTES_IN_FLIGHT: Final = 24 * 1024 * 1024
BODY_TOO_LARGE: Final = "BODY_TOO_LARGE"
BATCH_EMPTY: Final = "BATCH_EMPTY"
BODY_MISSING: Final = "BODY_MISSING"
BODY_INCOMPLETE: Final = "BODY_INCOMPLETE"
CONTENT_TYPE_UNSUPPORTED: Final = "CONTENT_TYPE_UNSUPPORTED"
ENCODING_UNSUPPORTED: Final = "ENCODING_UNSUPPORTED"
UTF8_BOM: Final = b"\xef\xbb\xbf"
_LENGTH_DIGITS: Final = 18
"""A length of more digits is too large as well."""


class BodiesInFlight:
    """Counts the body bytes that all requests hold at once, at most `limit`."""

    __slots__ = ("_held", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0

    def add(self, count: int) -> bool:
        """Whether `count` more bytes fit; only then they are counted."""
        if self._held + count > self._limit:
            return False
        self._held += count
        return True

    def release(self, count: int) -> None:
        """Gives back what was added."""
        self._held -= count


class BoundedBody:
    """Counts what is received, with and without a Content-Length, against one request's limit and the common one."""

    __slots__ = ("_held", "_in_flight", "_left", "_receive")

    def __init__(self, receive: Receive, limit: int, in_flight: BodiesInFlight) -> None:
        self._receive = receive
        self._left = limit
        self._in_flight = in_flight
        self._held = 0

    async def receive(self) -> Message:
        """ASGI's. Raises `HTTPException`, the one exception that FastAPI lets pass while it reads a body: 413, 503."""
        message = await self._receive()
        if message["type"] == "http.request":
            count = len(message.get("body", b""))
            self._left -= count
            if self._left < 0:
                raise HTTPException(413)
            if not self._in_flight.add(count):
                raise HTTPException(503, headers={"Retry-After": "1"})
            self._held += count
        return message

    def release(self) -> None:
        """The request has ended: its body is no longer held."""
        self._in_flight.release(self._held)
        self._held = 0


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """The whole body, without a byte order mark.

    Raises:
        Rejected: it is longer than `limit` bytes (413), empty, or shorter than its Content-Length (400).
        ClientDisconnect: the connection ended within the body.
    """
    declared = request.headers.get("content-length", "").encode("latin-1")
    if declared_length(declared) > limit:
        raise too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        chunks.append(chunk)
    if size == 0:
        raise Rejected("The request has no body.", code=BODY_MISSING)
    if declared and size < declared_length(declared):
        raise Rejected("The body is shorter than its Content-Length.", code=BODY_INCOMPLETE)
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    return body.removeprefix(UTF8_BOM)


def declared_length(header: bytes) -> int:
    """A Content-Length in bytes; 0 where there is none or it is no number."""
    return int(header[:_LENGTH_DIGITS]) if header.isdigit() else 0


def too_large(limit: int) -> Rejected:
    """What a body longer than `limit` bytes is answered with."""
    return Rejected(f"The body is longer than {limit} bytes.", code=BODY_TOO_LARGE)


def require_identity(content_encoding: bytes) -> None:
    """Raises `Rejected` (415) for a compressed body: bodies are read as they are."""
    if content_encoding.strip().lower() not in (b"", b"identity"):
        raise Rejected(
            "Content-Encoding is not supported; send the body uncompressed.", code=ENCODING_UNSUPPORTED
        )


def require_content_type(request: Request, known: Iterable[str], *, json: str | None = None) -> str:
    """The body's media type, in lower case and without parameters. Raises `Rejected` (415) unless it is known.

    A charset other than UTF-8 is not known either. With `json`, a type with the suffix `+json` (RFC 6839) that is not
    known is read as that one.
    """
    given = request.headers.get("content-type", "")
    media_type, _, parameters = given.partition(";")
    media_type = media_type.strip().lower()
    accepted = tuple(known)
    charset = [
        value.strip(' "').lower()
        for name, _, value in (part.partition("=") for part in parameters.split(";"))
        if name.strip().lower() == "charset"
    ]
    if json is not None and media_type not in accepted and is_json_suffixed(media_type):
        media_type = json
    if media_type not in accepted or any(value not in ("utf-8", "utf8") for value in charset):
        raise Rejected(
            f"The body must be one of {', '.join(accepted)}, UTF-8.", code=CONTENT_TYPE_UNSUPPORTED
        )
    return media_type


def is_json_suffixed(media_type: str) -> bool:
    """Whether it is an application type with the suffix `+json`, and none of CloudEvents' own."""
    return (
        media_type.startswith("application/")
        and media_type.endswith("+json")
        and not media_type.startswith("application/cloudevents")
    )
