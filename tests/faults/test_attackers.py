"""What attackers tell of a server: one that keeps bounds ends them, and one without is told by what it leaves open."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from shared.http.server.connection_limits import ConnectionLimits
from shared.http.server.connections import bounded_protocol
from tests.faults.attackers import CUT, OPEN, endless_headers, flood, idle_connections, slow_clients

LIMITS = ConnectionLimits(
    connections=8,
    header_seconds=0.4,
    body_bytes_per_second=1000,
    body_grace_seconds=0.4,
    linger_seconds=0.2,
    check_seconds=0.1,
)
HEAD = b"GET / HTTP/1.1\r\nHost: x\r\nx: "
BODY = b"POST / HTTP/1.1\r\nHost: x\r\ncontent-length: 1000\r\n\r\n{"
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body, if there is one, and answers 401."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"no"})


@asynccontextmanager
async def bounded() -> AsyncIterator[int]:
    """The port of a server with bounds."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        refuse,
        http=bounded_protocol(LIMITS),
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


@asynccontextmanager
async def unbounded() -> AsyncIterator[int]:
    """The port of a server that reads whatever comes, for ever, and answers nothing."""

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100_000):
            pass
        writer.close()

    server = await asyncio.start_server(read, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def test_slow_clients_of_a_server_with_bounds_are_refused() -> None:
    async with bounded() as port:
        assert await slow_clients(port, HEAD, 3, seconds=20, pause=0.05) == {"408": 3}
        assert await slow_clients(port, BODY, 3, seconds=20, pause=0.05) == {"408": 3}


async def test_endless_headers_and_idle_connections_are_refused() -> None:
    async with bounded() as port:
        assert set(await endless_headers(port, 20_000_000, 2, seconds=20)) <= {"431", CUT}
        assert await idle_connections(port, 3, seconds=20) == {"408": 3}


async def test_of_more_idle_connections_than_are_kept_the_longest_idle_are_cut() -> None:
    async with bounded() as port:
        ends = await idle_connections(port, LIMITS.connections + 4, seconds=20)
    assert ends == {CUT: 4, "408": LIMITS.connections}


async def test_every_request_of_a_flood_is_counted_by_its_answer() -> None:
    async with bounded() as port:
        assert await flood(port, [REQUEST] * 50, 4, seconds=20) == {"401": 50}


async def test_a_server_without_bounds_leaves_slow_connections_open() -> None:
    async with unbounded() as port:
        assert await slow_clients(port, HEAD, 2, seconds=0.5, pause=0.05) == {OPEN: 2}
        assert await endless_headers(port, 100_000, 2, seconds=0.5) == {OPEN: 2}
        assert await idle_connections(port, 2, seconds=0.5) == {OPEN: 2}


async def test_a_port_on_which_nobody_listens_cuts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert await flood(port, [REQUEST] * 3, 2, seconds=20) == {CUT: 3}
    assert await idle_connections(port, 2, seconds=5) == {CUT: 2}
