"""Connections: what holds before a request is authenticated, and what an offer to upgrade must not change."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from shared.http.connection_limits import ConnectionLimits
from shared.http.connections import bounded_protocol

LIMITS = ConnectionLimits(
    connections=8,
    header_bytes=4096,
    header_fields=20,
    header_seconds=0.6,
    body_bytes_per_second=1000,
    body_grace_seconds=0.6,
    pipelined_requests=4,
    discarded_bytes=100_000,
    linger_seconds=0.3,
    check_seconds=0.1,
)
H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
BODY = b'{"specversion": "1.0"}'

Seen = list[tuple[str, str, bytes]]
"""Method, path and body of each request that reached the application."""


def echo(seen: Seen) -> Callable[[Any, Any, Any], Awaitable[None]]:
    """An application that keeps what it read, and answers with the length of the body."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                seen.append((scope["method"], scope["path"], b"<disconnected>"))
                return
            body += message["body"]
            if not message["more_body"]:
                break
        seen.append((scope["method"], scope["path"], body))
        answer = str(len(body)).encode()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-length", str(len(answer)).encode())],
            }
        )
        await send({"type": "http.response.body", "body": answer})

    return app


@asynccontextmanager
async def serving(
    seen: Seen, limits: ConnectionLimits = LIMITS, *, app: Any = None, protocol: Any = None
) -> AsyncIterator[int]:
    """The port of a running server."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app or echo(seen),
        http=protocol or bounded_protocol(limits),
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    yield listening.getsockname()[1]
    server.should_exit = True
    await task


@pytest.fixture
def seen() -> Seen:
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def port(seen: Seen) -> AsyncIterator[int]:
    async with serving(seen) as found:
        yield found


async def exchange(port: int, *segments: bytes, pause: float = 0.05) -> bytes:
    """All that the server sends until it closes, after each segment was sent by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for segment in segments:
        writer.write(segment)
        await writer.drain()
        await asyncio.sleep(pause)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


def post(path: str, body: bytes, extra: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def chunked(path: str, body: bytes, extra: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{extra}\r\n".encode()
    middle = len(body) // 2
    parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:middle], body[middle:]))
    return head + parts + b"0\r\n\r\n"


LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "offer",
    [H2C, "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", "Upgrade: h2c\r\n"],
)
@pytest.mark.parametrize("framed", [post, chunked])
@pytest.mark.parametrize("split", [0, 1, 40, -len(BODY), -1])
async def test_a_request_that_offers_an_upgrade_keeps_its_body(
    port: int, seen: Seen, offer: str, framed: Callable[..., bytes], split: int
) -> None:
    request = framed("/v1/events", BODY, offer)
    segments = [request[:split], request[split:]] if split else [request]
    answer = await exchange(port, *segments, LAST)
    assert answer.count(b"HTTP/1.1 200") == 2
    assert seen == [("POST", "/v1/events", BODY), ("GET", "/last", b"")]


async def test_a_body_that_is_a_request_is_not_executed(port: int, seen: Seen) -> None:
    smuggled = b"POST /v1/students/1/erasure HTTP/1.1\r\nHost: x\r\n\r\n"
    head_and_body = post("/v1/events", smuggled, H2C)
    split = len(head_and_body) - len(smuggled)
    await exchange(port, head_and_body[:split], head_and_body[split:], LAST)
    assert seen == [("POST", "/v1/events", smuggled), ("GET", "/last", b"")]


async def test_several_offers_on_one_connection_are_all_ignored(port: int, seen: Seen) -> None:
    requests = b"".join(post(f"/{number}", b"x" * number, H2C) for number in range(3))
    await exchange(port, requests + LAST)
    assert seen == [*(("POST", f"/{number}", b"x" * number) for number in range(3)), ("GET", "/last", b"")]


async def test_a_body_shorter_than_its_length_never_reaches_the_application_whole(
    port: int, seen: Seen
) -> None:
    for offer in ("", H2C):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post("/v1/events", BODY, offer)[:-3])
        await writer.drain()
        writer.close()
        async with asyncio.timeout(10):
            while not seen:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert seen.pop() == ("POST", "/v1/events", b"<disconnected>")


def code_of(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert b"connection: close" in head
    return int(head.split()[1]), json.loads(body)["code"]


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 20_000, (431, "HEADERS_TOO_LARGE")),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 5_000 + b"\r\n\r\n", (431, "HEADERS_TOO_LARGE")),
        (b"GET /" + b"a" * 20_000, (431, "HEADERS_TOO_LARGE")),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 21 + b"\r\n", (431, "HEADERS_TOO_LARGE")),
        (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", (501, "METHOD_UNSUPPORTED")),
        (b"\x16\x03\x01", (400, "REQUEST_UNREADABLE")),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            (400, "REQUEST_UNREADABLE"),
        ),
        (b"GET / HT", (408, "REQUEST_TIMEOUT")),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", (408, "REQUEST_TIMEOUT")),
        (b"", (408, "REQUEST_TIMEOUT")),
        (b"POST / HTTP/1.1\r\nContent-Length: 10000\r\n\r\nabc", (408, "REQUEST_TIMEOUT")),
    ],
)
async def test_what_exceeds_a_bound_is_answered_with_its_code_and_closed(
    port: int, seen: Seen, request_bytes: bytes, expected: tuple[int, str]
) -> None:
    assert code_of(await exchange(port, request_bytes)) == expected
    assert [body for _, _, body in seen if body != b"<disconnected>"] == []


async def test_an_honest_client_on_a_slow_line_is_served(port: int, seen: Seen) -> None:
    request = post("/slow", b"x" * 3000, "Connection: close\r\n")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for start in range(0, len(request), 200):
        writer.write(request[start : start + 200])
        await asyncio.sleep(0.1)
    assert b"HTTP/1.1 200" in await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert seen == [("POST", "/slow", b"x" * 3000)]


async def test_the_longest_idle_connection_makes_room_for_a_new_one(port: int, seen: Seen) -> None:
    idle = []
    for number in range(LIMITS.connections):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /{number} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n0")
        idle.append((reader, writer))
    answer = await exchange(port, LAST)
    assert b"HTTP/1.1 200" in answer
    assert await asyncio.wait_for(idle[0][0].read(), 5) == b""
    for _, writer in idle:
        writer.close()


async def test_of_a_burst_no_more_connections_are_kept_than_the_bound(port: int) -> None:
    burst = await asyncio.gather(
        *(asyncio.open_connection("127.0.0.1", port) for _ in range(LIMITS.connections + 5))
    )
    answers = await asyncio.gather(*(asyncio.wait_for(reader.read(), 10) for reader, _ in burst))
    assert sum(not answer for answer in answers) == 5
    assert [code_of(answer) for answer in answers if answer] == [
        (408, "REQUEST_TIMEOUT")
    ] * LIMITS.connections
    for _, writer in burst:
        writer.close()


async def test_beyond_the_most_connections_a_new_one_is_refused(seen: Seen) -> None:
    async with serving(seen, replace(LIMITS, header_seconds=20, body_grace_seconds=20)) as port:
        busy = []
        for _ in range(LIMITS.connections):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc")
            busy.append(writer)
        await asyncio.sleep(0.2)
        assert code_of(await exchange(port)) == (503, "TOO_MANY_CONNECTIONS")
        for writer in busy:
            writer.close()


async def test_more_pipelined_requests_than_the_bound_end_the_connection(port: int, seen: Seen) -> None:
    answer = await exchange(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
    assert answer.count(b"HTTP/1.1") < 50


async def test_a_connection_holds_no_body_of_a_request_that_was_answered_unread(seen: Seen) -> None:
    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    protocol = bounded_protocol(replace(LIMITS, discarded_bytes=10_000_000))
    async with serving(seen, app=refuse, protocol=protocol) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(post("/v1/events", b"x" * 200_000))
            await writer.drain()
            assert b" 401 " in await reader.readuntil(b"\r\n\r\n")
        [connection] = protocol.clock.watched
        assert len(connection.cycle.body) == 0
        writer.close()
