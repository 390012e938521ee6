"""Clients that send, read or wait slowly: who makes progress is served, who makes none is disconnected."""

import asyncio
import socket
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.deadlines import expected_within, until
from tests.integration.http.serving import (
    LAST,
    LIMITS,
    Application,
    Seen,
    chunked_head,
    code_of,
    exchange,
    get,
    post,
    serving,
    statuses,
    unread,
    unread_answer,
)


async def read_slowly(client: socket.socket, bytes_at_once: int, pause: float) -> int:
    """How many bytes came until the end, or until the connection was broken off."""
    loop = asyncio.get_running_loop()
    count = 0
    with suppress(ConnectionResetError):
        while received := await loop.sock_recv(client, bytes_at_once):
            count += len(received)
            await asyncio.sleep(pause)
    return count


async def test_an_answer_is_sent_to_its_end_to_a_client_that_reads_it_slowly(
    application: Application,
) -> None:
    size = 300_000
    async with serving(application, keep_alive_seconds=1) as port:
        client = await unread_answer(port, size)
        async with expected_within(60, "the end of the answer"):
            assert await read_slowly(client, 4096, 0.03) > size
        client.close()


@pytest.mark.parametrize("size", [60_000, 3_000_000])
async def test_an_answer_that_is_not_read_ends_its_connection(
    port: int, application: Application, size: int
) -> None:
    client = await unread_answer(port, size)
    await until(lambda: application.seen)
    await until(lambda: not application.connections)
    client.close()


@pytest.mark.parametrize(
    "sent",
    [
        get("/answer/60000") + chunked_head("/bad") + b"zz\r\n",
        get("/close/60000") + get("/waits"),
        get("/close/60000") + chunked_head("/waits") + b"1\r\n",
        get("/answer/60000") + b"no request",
        get("/answer/60000") + LAST + b"no request",
    ],
)
async def test_what_follows_an_answer_that_is_not_read_keeps_no_connection(
    port: int, application: Application, sent: bytes
) -> None:
    client = await unread(port, sent)
    await until(lambda: application.seen)
    await until(lambda: not application.connections)
    client.close()


async def test_a_body_that_is_fast_at_first_may_not_stop(port: int, seen: Seen) -> None:
    received = await exchange(port, post("/", b"x" * 100_000)[:-1])
    assert code_of(received) == (408, "REQUEST_TIMEOUT")
    assert seen == [("POST", "/", b"<disconnected>")]


async def test_a_body_has_a_longest_time_however_it_comes(application: Application) -> None:
    async with serving(application, replace(LIMITS, body_grace_seconds=60, body_seconds=1)) as port:
        received = await exchange(port, post("/", b"x" * 20_000)[:-1])
        assert code_of(received) == (408, "REQUEST_TIMEOUT")


async def test_a_connection_is_not_kept_after_a_body_that_ended_after_its_answer(
    application: Application,
) -> None:
    async with serving(application, keep_alive_seconds=1) as port:
        request = post("/early", b"x")
        received = await exchange(port, request[:-1], request[-1:], pause=0.2)
        assert statuses(received) == [401]
        assert application.connections == []
