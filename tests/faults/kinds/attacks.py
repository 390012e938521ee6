"""Attacks on the services' HTTP ports by clients without a valid token, or with one and slower than any valid client."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from infra.services import NAMES
from tests.faults.attackers import CUT, OPEN, Endings, endless_headers, flood, idle_connections, slow_clients
from tests.faults.fault_context import Expected, FaultContext
from tests.faults.memory import HTTP_BOUND_MIB
from tests.tokens import TestIssuer

SLOW_HEADS: Final = 100
SLOW_BODIES: Final = 50
ENDLESS_HEADS: Final = 10
ENDLESS_BYTES: Final = 20_000_000
IDLE: Final = 1_200
"""More than the connections that a service keeps."""
REQUESTS: Final = 1_500
FLOODING: Final = 40
"""Connections of a flood of requests."""
BODY_EVERY: Final = 5
BODY_BYTES: Final = 100_000
PATIENCE_SECONDS: Final = 60.0
"""More than twice what the bounds of connections allow the slowest."""
REFUSALS: Final = "rahnama_http_connections_refused_total"
LOG_LINES: Final = (100, 20)
"""Of refused requests: at most so many at once, and so many a second."""

Attack = Callable[[str], Awaitable[Endings]]
"""What is done to one service."""


async def slow_clients_hold_connections(context: FaultContext) -> None:
    """Headers and bodies of a byte at a time, and headers of 20 MB without an end: all are refused and closed."""
    await context.underway(0.3)
    count = SLOW_HEADS + 2 * SLOW_BODIES + ENDLESS_HEADS
    context.do(f"{count} slow and endless requests to each service")
    ended = await _attack_all(context, lambda service: _hold_connections(context, service))
    for service, (endings, refused) in ended.items():
        if endings[OPEN]:
            raise Expected(f"{service} left {endings[OPEN]} slow connections open: {dict(endings)}")
        context.witness(
            refused >= count, f"{service} counted {refused:.0f} of {count} slow connections as refused"
        )


async def a_flood_of_refused_requests_comes(context: FaultContext) -> None:
    """More connections than a service keeps, and requests without a token or with a refused one: none is served."""
    await context.underway(0.3)
    context.do(f"{IDLE} idle connections and {REQUESTS} requests that nobody may make to each service")
    requests = _refused_requests(context)
    began = time.monotonic()
    ended = await _attack_all(context, lambda service: _flood(context, service, requests))
    seconds = time.monotonic() - began
    for service, (endings, refused) in ended.items():
        if others := {ending: n for ending, n in endings.items() if not _is_refusal(ending)}:
            raise Expected(f"{service} did not refuse what nobody may ask for: {others}")
        lines = len(context.alarms(service, "authentication_failed"))
        most = LOG_LINES[0] + LOG_LINES[1] * (seconds + 1)
        if lines > most:
            raise Expected(
                f"{service} logged {lines} lines of a flood in {seconds:.0f} s, not at most {most:.0f}"
            )
        context.witness(
            endings["401"] >= 0.9 * REQUESTS and refused >= IDLE,
            f"{service} refused {endings['401']} of {REQUESTS} requests, {refused:.0f} of {IDLE} connections",
        )


async def _attack_all(context: FaultContext, attack: Attack) -> dict[str, tuple[Endings, float]]:
    """All services side by side, under load: how the attackers' requests ended, and how many connections were refused."""
    async with context.under_load(), context.attacked(NAMES, HTTP_BOUND_MIB):
        before = {service: await context.metric(REFUSALS, service) for service in NAMES}
        await context.in_use()
        endings = await asyncio.gather(*(attack(service) for service in NAMES))
        after = {service: await context.metric(REFUSALS, service) for service in NAMES}
    return {
        service: (ends, after[service] - before[service])
        for service, ends in zip(NAMES, endings, strict=True)
    }


async def _hold_connections(context: FaultContext, service: str) -> Endings:
    port = context.proxied.instances[service].port
    wait = PATIENCE_SECONDS
    asked = await asyncio.gather(
        slow_clients(port, b"GET /v1/positions HTTP/1.1\r\nHost: x\r\nx: ", SLOW_HEADS, seconds=wait),
        slow_clients(port, _unfinished(service, _token(context, service)), SLOW_BODIES, seconds=wait),
        slow_clients(port, _unfinished(service, ""), SLOW_BODIES, seconds=wait),
        endless_headers(port, ENDLESS_BYTES, ENDLESS_HEADS, seconds=wait),
    )
    return sum(asked, Endings())


def _token(context: FaultContext, service: str) -> str:
    return context.proxied.token("upstream" if service == "intake" else "auditor")


def _unfinished(service: str, token: str) -> bytes:
    """The beginning of a request with a body; that of intake is read, if the token is valid."""
    asked = "POST /v1/events" if service == "intake" else "GET /v1/positions"
    kind = "content-type: application/cloudevents+json\r\ncontent-length: 100000\r\n"
    bearer = f"authorization: Bearer {token}\r\n" if token else ""
    return f"{asked} HTTP/1.1\r\nHost: x\r\n{kind}{bearer}\r\n{{".encode()


async def _flood(context: FaultContext, service: str, requests: list[bytes]) -> Endings:
    port = context.proxied.instances[service].port
    idle, flooding = await asyncio.gather(
        idle_connections(port, IDLE, seconds=PATIENCE_SECONDS),
        flood(port, requests, FLOODING, seconds=2 * PATIENCE_SECONDS),
    )
    return idle + flooding


def _refused_requests(context: FaultContext) -> list[bytes]:
    """Without a token, with garbage, with expired ones, and with those of an issuer that nobody trusts."""
    folder = context.proxied.folder / "foreign"
    folder.mkdir(exist_ok=True)
    tokens = ["", "x" * 8000, context.proxied.system.token("admin", hours=-1.0, age_hours=2.0)]
    tokens += TestIssuer(folder).untrusted().values()
    body = b"x" * BODY_BYTES
    requests = []
    for number in range(REQUESTS):
        token = context.draw.choice(tokens)
        bearer = f"authorization: Bearer {token}\r\n" if token else ""
        content = body if number % BODY_EVERY == 0 else b""
        head = f"POST /v1/events HTTP/1.1\r\nHost: x\r\n{bearer}content-length: {len(content)}\r\n\r\n"
        requests.append(head.encode() + content)
    return requests


def _is_refusal(ending: str) -> bool:
    """An answer of refusals alone, or none."""
    return ending == CUT or all(status in ("401", "408", "503") for status in ending.split())
