"""What is put on every answer, and what is known of one that was sent."""

from typing import Final

from starlette.types import Message, Send

SECURITY_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
"""On every answer (OWASP REST Security Cheat Sheet): nothing here is a page, and all of it may be personal."""


class Exchange:
    """What was answered so far. `fields` are added to the answer's head."""

    __slots__ = ("_send", "fields", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self.fields: tuple[tuple[bytes, bytes], ...] = ()

    async def send(self, message: Message) -> None:
        """ASGI's, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *SECURITY_HEADERS, *self.fields]
        await self._send(message)
