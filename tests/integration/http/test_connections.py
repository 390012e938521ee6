"""Connections: what holds before a request is authenticated, and what an offer to upgrade must not change."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.deadlines import expected_within, until
from tests.integration.http.serving import (
    LAST,
    LIMITS,
    Application,
    Seen,
    chunked,
    chunked_head,
    code_of,
    exchange,
    get,
    post,
    serving,
    unread_answer,
)

H2C = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
BODY = b'{"specversion": "1.0"}'


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
        await until(lambda: seen)
        assert seen.pop() == ("POST", "/v1/events", b"<disconnected>")


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
    async with expected_within(10, "the answer"):
        assert b"HTTP/1.1 200" in await reader.read()
    writer.close()
    assert seen == [("POST", "/slow", b"x" * 3000)]


async def test_the_longest_idle_connection_makes_room_for_a_new_one(port: int, seen: Seen) -> None:
    idle = []
    for number in range(LIMITS.connections):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(get(f"/{number}"))
        await reader.readuntil(b"\r\n\r\n0")
        idle.append((reader, writer))
    answer = await exchange(port, LAST)
    assert b"HTTP/1.1 200" in answer
    async with expected_within(5, "the end of the longest idle connection"):
        assert await idle[0][0].read() == b""
    for _, writer in idle:
        writer.close()


async def test_bodies_that_nobody_takes_hold_only_so_much_over_all_connections(
    application: Application,
) -> None:
    limits = replace(LIMITS, waiting_bytes=100_000, body_grace_seconds=20, discarded_bytes=10_000_000)
    async with serving(application, limits) as port:
        held = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(post("/hold", b"x" * 45_000))
            await writer.drain()
            held.append((reader, writer))
        await until(lambda: sum(one.waiting_bytes for one in application.connections) == 90_000)
        assert code_of(await exchange(port, post("/hold", b"x" * 45_000))) == (503, "TOO_MANY_BYTES")
        application.proceed.set()
        async with expected_within(10, "the answers of those that were held"):
            for reader, _ in held:
                assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(5) == b"45000"
        assert sum(one.waiting_bytes for one in application.connections) == 0
        assert b" 200 " in await exchange(port, post("/hold", b"x" * 45_000, "Connection: close\r\n"))
        for _, writer in held:
            writer.close()


async def test_a_running_request_counts_what_waits_while_others_wait_behind_it(
    application: Application,
) -> None:
    limits = replace(LIMITS, waiting_bytes=100_000, body_grace_seconds=20, discarded_bytes=10_000_000)
    async with serving(application, limits) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post("/hold", b"x" * 45_000) + post("/two", b"x" * 1_000))
        await until(lambda: any(one.pipeline for one in application.connections))
        assert [one.waiting_bytes for one in application.connections] == [46_000]
        application.proceed.set()
        await until(lambda: len(application.seen) == 2)
        assert [one.waiting_bytes for one in application.connections] == [0]
        writer.close()


async def test_of_a_burst_no_more_connections_are_kept_than_the_bound(port: int) -> None:
    burst = await asyncio.gather(
        *(asyncio.open_connection("127.0.0.1", port) for _ in range(LIMITS.connections + 5))
    )
    async with expected_within(10, "an answer on each connection"):
        answers = await asyncio.gather(*(reader.read() for reader, _ in burst))
    assert sum(not answer for answer in answers) == 5
    assert [code_of(answer) for answer in answers if answer] == [
        (408, "REQUEST_TIMEOUT")
    ] * LIMITS.connections
    for _, writer in burst:
        writer.close()


async def test_a_connection_holds_no_body_of_a_request_that_was_answered_unread(
    application: Application,
) -> None:
    async with serving(application, replace(LIMITS, discarded_bytes=10_000_000)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(post("/early", b"x" * 200_000))
            await writer.drain()
            assert b" 401 " in await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(len("early"))
        [connection] = application.connections
        assert len(connection.cycle.body) == 0
        writer.close()


async def test_beyond_the_most_connections_a_new_one_is_refused(application: Application) -> None:
    async with serving(application, replace(LIMITS, header_seconds=20, body_grace_seconds=20)) as port:
        busy = []
        for _ in range(LIMITS.connections):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc")
            busy.append(writer)
        await asyncio.sleep(0.2)
        assert code_of(await exchange(port)) == (503, "TOO_MANY_CONNECTIONS")
        for writer in busy:
            writer.close()


async def test_a_connection_that_cannot_close_makes_no_room(application: Application) -> None:
    limits = replace(LIMITS, connections=2, header_seconds=20, body_grace_seconds=20, write_seconds=20)
    async with serving(application, limits) as port:
        unread = await unread_answer(port, 60_000)
        _, busy = await asyncio.open_connection("127.0.0.1", port)
        busy.write(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc")
        assert b"HTTP/1.1 200" in await exchange(port, LAST)  # the idle one is closed for it, once it is read
        assert code_of(await exchange(port)) == (503, "TOO_MANY_CONNECTIONS")
        unread.close()
        busy.close()


@pytest.mark.parametrize("place", [0, 1])
async def test_trailers_are_no_headers(port: int, application: Application, place: int) -> None:
    whole = chunked("/v1/events", BODY)
    trailers = whole[:-2] + b"Authorization: Bearer x\r\nce-id: 1\r\n\r\n"
    segments = [trailers] if place == 0 else [trailers[:-30], trailers[-30:]]
    await exchange(port, *segments, LAST)
    assert application.seen[0] == ("POST", "/v1/events", BODY)
    assert {name for name, _ in application.headers[0]} == {b"host", b"transfer-encoding"}


@pytest.mark.parametrize(
    "beside",
    [b"0\r\nx: ", b"0\r\n" + b"x: y\r\n" * 5 + b"z: ", b"3;extension=", b"1\r\na\r\n" * 2000 + b"0\r\nx: "],
)
async def test_what_is_beside_a_chunked_body_has_the_size_of_a_header_block(
    port: int, seen: Seen, beside: bytes
) -> None:
    segments = [chunked_head("/v1/events"), beside, *[b"a" * 1000] * 5]
    assert code_of(await exchange(port, *segments)) == (431, "HEADERS_TOO_LARGE")
    assert seen == [("POST", "/v1/events", b"<disconnected>")]


async def test_trailers_are_as_many_as_header_fields(port: int, seen: Seen) -> None:
    answer = await exchange(port, chunked_head("/v1/events") + b"0\r\n" + b"a: b\r\n" * 21)
    assert code_of(answer) == (431, "HEADERS_TOO_LARGE")


async def test_a_body_in_many_small_chunks_is_read(port: int, seen: Seen) -> None:
    await exchange(port, chunked_head("/v1/events"), *[b"1\r\na\r\n" * 1000] * 5, b"0\r\n\r\n", LAST)
    assert seen[0] == ("POST", "/v1/events", b"a" * 5000)
