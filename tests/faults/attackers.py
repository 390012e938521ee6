"""Clients that mean harm: they send a byte at a time, headers without end, nothing, or requests that are refused."""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Final

from infra.local.ports import LOOPBACK

OPEN: Final = "left open"
CUT: Final = "cut"
CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 30.0
BURST: Final = 100
"""Connections that are opened at a time."""
PIECE_BYTES: Final = 64 * 1024
_STATUS: Final = re.compile(rb"HTTP/1\.1 (\d{3})")
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_FIELD: Final = b"x-padding: " + b"a" * 1000 + b"\r\n"

Endings = Counter[str]
"""How connections or requests ended: by the statuses they were answered with, `cut` without one, or `left open`."""


async def slow_clients(
    port: int, head: bytes, count: int, *, seconds: float, drop: bytes = b"a", pause: float = 0.5
) -> Endings:
    """Connections that send `head`, and then one `drop` every `pause` until the server ends them."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            await asyncio.sleep(pause)
            writer.write(drop)
            await writer.drain()

    return await _together(count, lambda: _suffer(port, send, seconds))


async def endless_headers(port: int, size: int, count: int, *, seconds: float) -> Endings:
    """Connections that send a header block of `size` bytes as fast as it is read, and never its end."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(b"GET /v1/positions HTTP/1.1\r\nHost: x\r\n")
        for _ in range(0, size, PIECE_BYTES):
            writer.write(_FIELD * (PIECE_BYTES // len(_FIELD)))
            await writer.drain()

    return await _together(count, lambda: _suffer(port, send, seconds))


async def idle_connections(port: int, count: int, *, seconds: float) -> Endings:
    """Connections on which nothing is sent."""

    async def send(_: asyncio.StreamWriter) -> None:
        return

    return await _together(count, lambda: _suffer(port, send, seconds))


async def flood(port: int, requests: Sequence[bytes], connections: int, *, seconds: float) -> Endings:
    """Sends all requests over so many connections, each as soon as the one before it is answered."""
    ends: Endings = Counter()
    left = iter(requests)
    async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_send_on(port, left, ends))
    return ends


async def _send_on(port: int, left: Iterator[bytes], ends: Endings) -> None:
    """One connection after the other, each until it is cut."""
    while (request := next(left, None)) is not None:
        try:
            async with _connected(port) as (reader, writer):
                while request is not None:
                    ends[await _exchange(reader, writer, request)] += 1
                    request = next(left, None)
        except (OSError, EOFError, TimeoutError):
            ends[CUT] += 1


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> str:
    """The status of the answer, which is read whole."""
    async with asyncio.timeout(ANSWER_SECONDS):
        writer.write(request)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length is not None:
            await reader.readexactly(int(length[1]))
        return statuses(head)


async def _together(count: int, attack: Callable[[], Awaitable[str]]) -> Endings:
    async def one(number: int) -> str:
        await asyncio.sleep(number // BURST / 10)
        return await attack()

    return Counter(await asyncio.gather(*(one(number) for number in range(count))))


async def _suffer(port: int, send: Callable[[asyncio.StreamWriter], Awaitable[None]], seconds: float) -> str:
    """How the server ends a connection on which `send` sends."""

    async def send_all(writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await send(writer)

    try:
        async with _connected(port) as (reader, writer):
            sending = asyncio.ensure_future(send_all(writer))
            try:
                async with asyncio.timeout(seconds):
                    answer = await _read_to_end(reader)
            except TimeoutError:
                return OPEN
            finally:
                sending.cancel()
                await asyncio.wait({sending})
            return statuses(answer)
    except (OSError, TimeoutError):
        return CUT


async def _read_to_end(reader: asyncio.StreamReader) -> bytes:
    """What came until the server closed or reset the connection."""
    answer = b""
    with contextlib.suppress(OSError):
        while piece := await reader.read(PIECE_BYTES):
            answer += piece
    return answer


@contextlib.asynccontextmanager
async def _connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def statuses(answer: bytes) -> str:
    """`401`, or `401 408` of two answers, or `cut` without any."""
    return " ".join(status.decode() for status in _STATUS.findall(answer)) or CUT
