"""The proxy passes bytes on, and does to links what it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest_asyncio

from infra.local.ports import LOOPBACK
from tests.proxy import Proxy

SECONDS = 5.0


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says everything again."""
    while said := await reader.read(1000):
        writer.write(said)
        await writer.drain()
    writer.close()


@pytest_asyncio.fixture(loop_scope="session")
async def proxy() -> AsyncIterator[Proxy]:
    """Before a server that echoes."""
    server = await asyncio.start_server(echo, LOOPBACK, 0)
    proxy = Proxy("echo")
    proxy.target = server.sockets[0].getsockname()[1]
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
        server.close()


@asynccontextmanager
async def link(proxy: Proxy) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client's connection."""
    reader, writer = await asyncio.open_connection(LOOPBACK, proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def said_again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: bytes) -> bytes:
    """What comes back of `words`: all of it, or nothing more once the link breaks."""
    try:
        writer.write(words)
        async with asyncio.timeout(SECONDS):
            return await reader.readexactly(len(words))
    except asyncio.IncompleteReadError as error:
        return error.partial
    except ConnectionError:
        return b""


async def test_what_is_said_arrives_whole(proxy: Proxy) -> None:
    async with link(proxy) as (reader, writer):
        words = bytes(range(256)) * 500
        assert await said_again(reader, writer, words) == words


async def test_a_cut_ends_the_links_there_are_and_lets_new_ones_come(proxy: Proxy) -> None:
    async with link(proxy) as (reader, writer):
        assert await said_again(reader, writer, b"before") == b"before"
        assert proxy.cut() == 1
        assert await said_again(reader, writer, b"after") == b""
    async with link(proxy) as (reader, writer):
        assert await said_again(reader, writer, b"again") == b"again"


async def test_a_cut_of_a_link_that_has_carried_nothing_is_counted_as_none(proxy: Proxy) -> None:
    assert proxy.cut() == 0
    async with link(proxy) as (reader, writer):
        proxy.delay(0.2)
        waiting = asyncio.create_task(said_again(reader, writer, b"late"))
        await asyncio.sleep(0.05)
        assert proxy.cut() == 0
        assert await waiting == b""


async def test_nobody_comes_in_while_links_are_refused(proxy: Proxy) -> None:
    proxy.refuse()
    async with link(proxy) as (reader, writer):
        assert await said_again(reader, writer, b"hello") == b""
    assert proxy.refused == 1
    proxy.heal()
    async with link(proxy) as (reader, writer):
        assert await said_again(reader, writer, b"hello") == b"hello"


async def test_what_is_held_up_arrives_after_the_healing(proxy: Proxy) -> None:
    async with link(proxy) as (reader, writer):
        assert await said_again(reader, writer, b"before") == b"before"
        assert proxy.disturbed == 0
        proxy.hold_up()
        waiting = asyncio.create_task(said_again(reader, writer, b"held"))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        proxy.heal()
        assert await waiting == b"held"
        assert proxy.disturbed >= 1


async def test_a_link_breaks_within_a_message(proxy: Proxy) -> None:
    async with link(proxy) as (reader, writer):
        assert await said_again(reader, writer, b"before") == b"before"
        proxy.cut_after(100)
        words = bytes(range(256)) * 40
        arrived = await said_again(reader, writer, words)
        assert proxy.disturbed == 1
        assert len(arrived) < len(words)
        assert words.startswith(arrived)  # a link may end early, and never says what was not said
    async with link(proxy) as (reader, writer):
        assert await said_again(reader, writer, b"again") == b"again"
