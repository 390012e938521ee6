"""Several requests on one connection: their answers, their bound, and what follows a whole request."""

import asyncio
from collections.abc import Callable

import pytest

from shared.http.server.connection_limits import REFUSED
from tests.deadlines import expected_within, until
from tests.integration.http.serving import (
    LAST,
    LIMITS,
    Application,
    Seen,
    chunked_head,
    exchange,
    get,
    post,
    statuses,
)

PIPELINED = LIMITS.pipelined_requests


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The reasons that are counted."""
    reasons: list[str] = []
    monkeypatch.setattr(REFUSED, "add", lambda _count, labels: reasons.append(labels["reason"]))
    return reasons


@pytest.mark.parametrize("framed", [get, lambda path: post(path, b"\r\n\r\n" * 3)])
async def test_all_pipelined_requests_are_answered_and_no_more_than_the_bound_wait(
    port: int, application: Application, refused: list[str], framed: Callable[[str], bytes]
) -> None:
    paths = ["/wait/first", *(f"/{number}" for number in range(50))]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(framed(path) for path in paths) + LAST)
    await until(lambda: application.seen)
    [connection] = application.connections
    assert len(connection.pipeline) == PIPELINED
    application.proceed.set()
    async with expected_within(10, "the last answer"):
        received = await reader.read()
    writer.close()
    assert statuses(received) == [200] * 52
    assert [path for _, path, _ in application.seen] == [*paths, "/last"]
    assert refused == []


async def test_what_comes_while_the_most_requests_wait_is_read_later(
    port: int, application: Application
) -> None:
    requests = [get(f"/wait/{number}") for number in range(3 * PIPELINED)]
    exchanged = asyncio.create_task(exchange(port, *requests, LAST))
    await until(lambda: application.seen)
    application.proceed.set()
    assert statuses(await exchanged) == [200] * (3 * PIPELINED + 1)


@pytest.mark.parametrize("sent", [1, 2])
async def test_requests_that_wait_unread_are_no_head(
    port: int, application: Application, refused: list[str], sent: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(get("/wait") + get("/one") * PIPELINED)
    await until(lambda: application.seen)
    [connection] = application.connections
    assert len(connection.pipeline) == PIPELINED
    further = LIMITS.header_bytes // len(get("/two")) + 1
    for _ in range(sent):
        connection.flow.resume_reading()  # as an application does that waits for a disconnect
        writer.write(get("/two") * further)
        await asyncio.sleep(0.1)
    application.proceed.set()
    writer.write(LAST)
    async with expected_within(10, "the last answer"):
        received = await reader.read()
    writer.close()
    assert statuses(received) == [200] * (1 + PIPELINED + sent * further + 1)
    assert refused == []


async def test_a_body_that_waits_unread_is_not_beside_the_body(
    port: int, application: Application, refused: list[str]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(get("/wait") + get("/one") * (PIPELINED - 1) + chunked_head("/chunked"))
    await until(lambda: application.seen)
    [connection] = application.connections
    assert len(connection.pipeline) == PIPELINED
    connection.flow.resume_reading()  # as an application does that waits for a disconnect
    size = 2 * LIMITS.header_bytes
    writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"a" * size) + LAST)
    await asyncio.sleep(0.1)
    application.proceed.set()
    async with expected_within(10, "the last answer"):
        received = await reader.read()
    writer.close()
    assert statuses(received) == [200] * (PIPELINED + 2)
    assert ("POST", "/chunked", b"a" * size) in application.seen
    assert refused == []


@pytest.mark.parametrize("after", [b"\x00garbage", b"GET / HT", b"GET / HTTP/1.1\r\nx: " + b"a" * 5000])
@pytest.mark.parametrize("together", [True, False])
async def test_a_whole_request_is_answered_whatever_follows_it(
    port: int, application: Application, refused: list[str], after: bytes, together: bool
) -> None:
    request = post("/wait", b"abc")
    segments = [request + after] if together else [request, after]
    exchanged = asyncio.create_task(exchange(port, *segments))
    await until(lambda: application.seen)
    await until(lambda: refused)
    application.proceed.set()
    received = await exchanged
    assert statuses(received) == [200]
    assert b"connection: close" in received
    assert application.seen == [("POST", "/wait", b"abc")]


async def test_line_ends_between_requests_begin_none(port: int, application: Application) -> None:
    exchanged = asyncio.create_task(exchange(port, get("/wait"), b"\r\n", b"\r\n", LAST, pause=0.5))
    await asyncio.sleep(1.2)  # twice the time for a head
    application.proceed.set()
    received = await exchanged
    assert statuses(received) == [200, 200]
    assert received.count(b"connection: close") == 1


async def test_line_ends_without_end_are_a_head_that_is_too_large(port: int, seen: Seen) -> None:
    received = await exchange(port, get("/one"), *[b"\r\n" * 1000] * 3)
    assert statuses(received) == [200, 431]


async def test_a_request_that_waits_and_is_bad_ends_after_the_answers_of_others(
    port: int, application: Application, refused: list[str]
) -> None:
    requests = get("/wait/1") + get("/2") + chunked_head("/3") + b"3\r\nabc\r\nno length"
    exchanged = asyncio.create_task(exchange(port, requests))
    await until(lambda: refused)
    application.proceed.set()
    received = await exchanged
    assert statuses(received) == [200, 200]
    assert [path for _, path, _ in application.seen] == ["/wait/1", "/2"]


async def test_a_body_that_stops_after_its_answer_gets_no_second_one(port: int, seen: Seen) -> None:
    received = await exchange(port, post("/early", b"x" * 100)[:-50])
    assert statuses(received) == [401]


async def test_what_follows_a_last_request_is_ignored_after_an_offer_to_upgrade_too(
    port: int, seen: Seen, refused: list[str]
) -> None:
    offer = "Connection: close, Upgrade\r\nUpgrade: h2c\r\n"
    assert statuses(await exchange(port, post("/one", b"abc", offer) + get("/two"))) == [200]
    assert seen == [("POST", "/one", b"abc")]
    assert refused == []


async def test_what_is_discarded_is_bounded_by_request_not_by_connection(port: int, seen: Seen) -> None:
    early = post("/early", b"x" * (LIMITS.discarded_bytes // 2))
    assert statuses(await exchange(port, *[early] * 4, LAST)) == [401] * 4 + [200]
