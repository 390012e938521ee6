"""Request bodies that a route reads by itself: bounded, and of a known type."""

from collections.abc import Iterable
from typing import Final

from starlette.requests import Request

from shared.errors import Rejected

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
BODY_TOO_LARGE: Final = "BODY_TOO_LARGE"
CONTENT_TYPE_UNSUPPORTED: Final = "CONTENT_TYPE_UNSUPPORTED"
_LENGTH_DIGITS: Final = 18
"""More of them say "too large" just as well."""


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """The whole body. Raises `Rejected` (413) as soon as it is longer than `limit` bytes."""
    if declared_length(request.headers.get("content-length", "").encode("latin-1")) > limit:
        raise too_large(limit)
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def declared_length(header: bytes) -> int:
    """A Content-Length in bytes; 0 where there is none or it is no number."""
    return int(header[:_LENGTH_DIGITS]) if header.isdigit() else 0


def too_large(limit: int) -> Rejected:
    """What a body longer than `limit` bytes is answered with."""
    return Rejected(f"The body is longer than {limit} bytes.", code=BODY_TOO_LARGE)


def require_content_type(request: Request, known: Iterable[str]) -> str:
    """The body's media type, in lower case and without parameters. Raises `Rejected` (415) unless it is known.

    A charset other than UTF-8 is not known either.
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
    if media_type not in accepted or any(value not in ("utf-8", "utf8") for value in charset):
        raise Rejected(
            f"The body must be one of {', '.join(accepted)}, UTF-8.", code=CONTENT_TYPE_UNSUPPORTED
        )
    return media_type
