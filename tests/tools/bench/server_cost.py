"""What a request costs the HTTP server itself: CPU of the process, without any of the application.

python -m tests.tools.bench.server_cost [rounds]

The same bare application runs behind uvicorn with httptools, the same with the bounds of `shared.http.server.connections`, and
uvicorn with h11; behind hypercorn and granian, if they are installed. The servers run at once and are loaded in turns,
so that the machine's moods meet all of them. Prints JSON.
"""

import asyncio
import importlib.util
import json
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import ExitStack
from typing import Any, Final

import psutil

from infra.local.ports import free_ports
from tests.tools.bench.machine import describe

ROUNDS: Final = 9
REQUESTS: Final = 16_000
CONNECTIONS: Final = 4
BODY: Final = b"x" * 900
START_SECONDS: Final = 30.0
SERVERS: Final[tuple[str, ...]] = ("httptools", "bounded", "h11", "hypercorn", "granian")

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Reads the body and answers 202."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


def command(server: str, port: int) -> list[str]:
    """How a server is started on a loopback port, one process, without an access log."""
    here = f"{__name__ if __name__ != '__main__' else 'tests.tools.bench.server_cost'}:application"
    if server == "hypercorn":
        return [
            sys.executable,
            "-m",
            "hypercorn",
            "--bind",
            f"127.0.0.1:{port}",
            "--worker-class",
            "uvloop",
            here,
        ]
    if server == "granian":
        return [
            sys.executable, "-m", "granian", "--interface", "asginl", "--host", "127.0.0.1", "--port", str(port),
            "--workers", "1", "--no-access-log", "--loop", "uvloop", here,
        ]  # fmt: skip
    return [sys.executable, "-m", "tests.tools.bench.server_cost", "--serve", server, str(port)]


def started(server: str, port: int) -> "subprocess.Popen[bytes]":
    """A process of its own."""
    return subprocess.Popen(command(server, port), stdout=subprocess.DEVNULL)


def serve(server: str, port: int) -> None:
    """uvicorn in this process."""
    import uvicorn

    from shared.http.server.connections import bounded_protocol

    http: Any = bounded_protocol() if server == "bounded" else server
    uvicorn.run(
        application, host="127.0.0.1", port=port, http=http, loop="uvloop", lifespan="off", access_log=False,
        log_level="warning",
    )  # fmt: skip


async def load(port: int, requests: int) -> None:
    """POSTs over connections that stay open, each waiting for its answer."""
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    request = head.encode() + BODY

    async def one(many: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(many):
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 202"):
                raise RuntimeError(f"an answer begins {answer[:60]!r}")
            if b"chunked" in answer.lower():
                await reader.readuntil(b"0\r\n\r\n")
            else:
                await reader.readexactly(2)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(one(requests // CONNECTIONS) for _ in range(CONNECTIONS)))


async def until_up(port: int) -> None:
    """Returns when the port answers. Raises `TimeoutError`."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                await load(port, CONNECTIONS)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                return


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of a process and its children."""
    times = [one.cpu_times() for one in [process, *process.children(recursive=True)]]
    return float(sum(one.user + one.system for one in times))


async def measure(rounds: int) -> dict[str, Any]:
    """The median microseconds of CPU a request, by server, and all rounds."""
    servers = [
        one
        for one in SERVERS
        if one not in ("hypercorn", "granian") or importlib.util.find_spec(one) is not None
    ]
    with ExitStack() as stack:
        running = {}
        for server, port in zip(servers, free_ports(len(servers)), strict=True):
            child = stack.enter_context(started(server, port))
            stack.callback(child.terminate)
            await until_up(port)
            running[server] = (port, psutil.Process(child.pid))
        costs: dict[str, list[float]] = {server: [] for server in servers}
        for turn in range(rounds + 1):
            for server in servers[turn % len(servers) :] + servers[: turn % len(servers)]:
                port, process = running[server]
                before = cpu_seconds(process)
                await load(port, REQUESTS)
                if turn:  # the first round warms up
                    costs[server].append(round((cpu_seconds(process) - before) / REQUESTS * 1e6, 1))
    return {
        "cpu_us_a_request": {server: statistics.median(values) for server, values in costs.items()},
        "rounds": costs,
        "requests_a_round": REQUESTS,
        "body_bytes": len(BODY),
    }


def main() -> None:
    """Prints the figures; with `--serve` it is one of the servers."""
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    print(json.dumps({**describe(), **asyncio.run(measure(rounds))}))


if __name__ == "__main__":
    main()
