"""The bounds of HTTP connections, and what a connection that exceeds one is answered with."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec

from shared.http.exchange import SECURITY_HEADERS
from shared.telemetry.metrics import counter

REFUSED: Final = counter(
    "rahnama.http.connections.refused",
    "{connection}",
    "HTTP connections closed because they exceeded a bound.",
)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Bounds of one server. Sizes are bytes, times are seconds.

    A body must arrive at `body_bytes_per_second` on average over windows of at most `body_grace_seconds`, and within
    `body_seconds`; time in which the server itself does not read is not counted. Answers must be read likewise, at
    `write_bytes_per_second` over `write_seconds`. `pipelined_requests` wait behind the one that is answered; further
    ones are not read until one is answered. `header_bytes` also bounds trailers. `waiting_bytes` are those of bodies that
    have arrived on all connections and that no application has taken, because it waits or has not begun. `linger_seconds` is how long a refused
    connection may still be read from, so that the client receives the answer instead of a reset.
    """

    connections: int = 1000
    header_bytes: int = 32 * 1024
    header_fields: int = 100
    header_seconds: float = 10.0
    body_bytes_per_second: int = 1024
    body_grace_seconds: float = 20.0
    body_seconds: float = 1200.0
    write_bytes_per_second: int = 1024
    write_seconds: float = 30.0
    pipelined_requests: int = 16
    discarded_bytes: int = 16 * 1024 * 1024
    waiting_bytes: int = 16 * 1024 * 1024
    linger_seconds: float = 2.0
    check_seconds: float = 1.0


class Refusal(Exception):
    """Raised in a parser's callback to end the connection with this status and code."""

    def __init__(self, status: HTTPStatus, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


HEADERS_TOO_LARGE: Final = (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "HEADERS_TOO_LARGE")
REQUEST_TIMEOUT: Final = (HTTPStatus.REQUEST_TIMEOUT, "REQUEST_TIMEOUT")
TOO_MANY_CONNECTIONS: Final = (HTTPStatus.SERVICE_UNAVAILABLE, "TOO_MANY_CONNECTIONS")
TOO_MANY_BYTES: Final = (HTTPStatus.SERVICE_UNAVAILABLE, "TOO_MANY_BYTES")
REQUEST_UNREADABLE: Final = (HTTPStatus.BAD_REQUEST, "REQUEST_UNREADABLE")
METHOD_UNSUPPORTED: Final = (HTTPStatus.NOT_IMPLEMENTED, "METHOD_UNSUPPORTED")


_SECURITY: Final = b"".join(b"%s: %s\r\n" % header for header in SECURITY_HEADERS)


def refusal_bytes(status: HTTPStatus, code: str) -> bytes:
    """A problem document (RFC 9457) and the end of the connection."""
    body = msgspec.json.encode(
        {"type": f"urn:rahnama:problem:{code}", "title": status.phrase, "status": status.value, "code": code}
    )
    retry = "retry-after: 1\r\n" if status in (503, 429) else ""
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\n{retry}connection: close\r\n"
    )
    return b"".join((head.encode("ascii"), _SECURITY, b"\r\n", body))
