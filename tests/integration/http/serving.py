"""A server with bounded connections and an application that a test steers, and raw exchanges with it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import uvicorn

from shared.http.server.connection_limits import ConnectionLimits
from shared.http.server.connections import BoundedProtocol, bounded_protocol
from tests.deadlines import expected_within

LIMITS: Final = ConnectionLimits(
    connections=8,
    header_bytes=4096,
    header_fields=20,
    header_seconds=0.6,
    body_bytes_per_second=1000,
    body_grace_seconds=0.6,
    write_bytes_per_second=1000,
    write_seconds=0.6,
    pipelined_requests=4,
    discarded_bytes=100_000,
    linger_seconds=0.3,
    check_seconds=0.1,
)
LAST: Final = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
SEND_BUFFER_BYTES: Final = 8192
"""Of the kernel, for each connection: what a client does not read stays with the server."""

Seen = list[tuple[str, str, bytes]]
"""Method, path and body of each request that reached the application."""


class Application:
    """Keeps what it reads, and answers with the length of the body.

    `/early` is answered before its body is read, `/wait…` once `proceed` is set, `/hold` is read once it is,
    `/answer/<count>` is answered with so many bytes, and `/close/<count>` likewise as the last answer of its connection.
    """

    def __init__(self) -> None:
        self.seen: Seen = []
        self.headers: list[list[tuple[bytes, bytes]]] = []
        self.proceed = asyncio.Event()
        self.protocol: type[BoundedProtocol] = BoundedProtocol

    @property
    def connections(self) -> list[BoundedProtocol]:
        """Those that are open."""
        return [one for one in self.protocol.clock.watched if isinstance(one, BoundedProtocol)]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/early":
            await answer(send, b"early", 401)
            return
        if scope["path"] == "/hold":
            await self.proceed.wait()
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.seen.append((scope["method"], scope["path"], b"<disconnected>"))
                return
            body += message["body"]
            if not message["more_body"]:
                break
        self.seen.append((scope["method"], scope["path"], body))
        self.headers.append(scope["headers"])
        if scope["path"].startswith("/wait"):
            await self.proceed.wait()
        if scope["path"].startswith(("/answer/", "/close/")):
            _, kind, count = scope["path"].split("/")
            await answer(send, b"x" * int(count), ends=kind == "close")
        else:
            await answer(send, str(len(body)).encode())


async def answer(send: Any, body: bytes, status: int = 200, *, ends: bool = False) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    if ends:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(
    application: Application, limits: ConnectionLimits = LIMITS, keep_alive_seconds: int = 5
) -> AsyncIterator[int]:
    """The port of a running server."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    application.protocol = bounded_protocol(limits)
    config = uvicorn.Config(
        application,
        http=application.protocol,
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        timeout_keep_alive=keep_alive_seconds,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        application.proceed.set()
        server.should_exit = True
        for connection in application.connections:  # also those that would not end by themselves
            connection.transport.abort()
        await task


async def exchange(port: int, *segments: bytes, pause: float = 0.05) -> bytes:
    """All that the server sends until it closes, after each segment was sent by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for segment in segments:
        writer.write(segment)
        await writer.drain()
        await asyncio.sleep(pause)
    async with expected_within(10, "the end of the connection"):
        received = await reader.read()
    writer.close()
    return received


async def unread_answer(port: int, count: int) -> socket.socket:
    """A connection whose client asks for so many bytes and reads none of them."""
    return await unread(port, get(f"/answer/{count}"))


async def unread(port: int, sent: bytes) -> socket.socket:
    """A connection whose client sends this in one segment and reads nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    await loop.sock_sendall(client, sent)
    return client


def post(path: str, body: bytes, extra: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def chunked_head(path: str, extra: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{extra}\r\n".encode()


def chunked(path: str, body: bytes, extra: str = "") -> bytes:
    middle = len(body) // 2
    parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:middle], body[middle:]))
    return chunked_head(path, extra) + parts + b"0\r\n\r\n"


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def code_of(received: bytes) -> tuple[int, str]:
    """The status and the code of the only answer, which is a problem and the last one."""
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert b"connection: close" in head
    return int(head.split()[1]), json.loads(body)["code"]


def statuses(received: bytes) -> list[int]:
    """Of all answers, none of which has a line that begins like one in its body."""
    return [int(part.split()[0]) for part in received.split(b"HTTP/1.1")[1:]]
