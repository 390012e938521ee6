"""The same meetings with two real processes behind their HTTP doors: sockets, group commits, two event loops."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import httpx
import msgspec
import pytest
import pytest_asyncio

from infra.local.databases import Databases, ServiceDatabase
from infra.local.ports import free_ports
from services.intake.append.idempotency import Result
from tests.integration.intake.folded import LOG, require_projections
from tests.integration.intake.harness import BATCH, Event, make_settings, prepare
from tests.integration.intake.histories import HISTORIES, Maker
from tests.integration.intake.instances import deadlocks, rows
from tests.integration.intake.serial import observe, serial_order
from tests.servers import MakesTopics
from tests.tokens import TestIssuer

ROOT = Path(__file__).parents[3]
ROUNDS = 3
TENANTS = {
    (history, number): f"{history}{number}".replace("_", "")
    for history in HISTORIES
    for number in range(ROUNDS)
}
READY_SECONDS = 60

_results = msgspec.json.Decoder(dict[str, list[Result]])


@asynccontextmanager
async def process(environment: dict[str, str], port: int) -> AsyncIterator[httpx.AsyncClient]:
    """One intake, ready, and a client for it."""
    service = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "services.intake",
        env={**os.environ, **environment, "RAHNAMA_PORT": str(port)},
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False
        ) as client:
            async with asyncio.timeout(READY_SECONDS):
                while not await is_ready(client):
                    assert service.returncode is None, "it ended"
                    await asyncio.sleep(0.2)
            yield client
    finally:
        if service.returncode is None:
            service.send_signal(signal.SIGINT)
        await service.wait()


async def is_ready(client: httpx.AsyncClient) -> bool:
    """Whether it accepts events."""
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.HTTPError:
        return False


@pytest_asyncio.fixture(loop_scope="session")
async def database(databases: Databases) -> ServiceDatabase:
    """A migrated database of intake."""
    await prepare(databases.intake)
    return databases.intake


async def play(
    sender: list[list[Event]], at: httpx.AsyncClient, headers: dict[str, str]
) -> list[tuple[Event, Result]]:
    """Sends one batch after the other."""
    answered: list[tuple[Event, Result]] = []
    for batch in sender:
        answer = await at.post("/v1/events", content=json.dumps(batch).encode(), headers=headers)
        assert answer.status_code == 202, answer.text
        answered += zip(batch, _results.decode(answer.content)["results"], strict=True)
    return answered


@pytest.mark.parametrize("in_flight", [1, 2])
async def test_two_processes_end_as_some_serial_order_would(
    database: ServiceDatabase, topics: MakesTopics, tmp_path: Path, in_flight: int
) -> None:
    issuer, made = TestIssuer(tmp_path), await topics()
    settings = make_settings(database, made, issuer, tmp_path)
    environment = {
        "RAHNAMA_DATABASE_URL": settings.database_url,
        "RAHNAMA_KAFKA_BOOTSTRAP": made.bootstrap,
        "RAHNAMA_TOPIC_PREFIX": made.prefix,
        "RAHNAMA_JWKS_FILE": str(issuer.jwks_file),
        "RAHNAMA_JWT_ISSUER": issuer.issuer,
        "RAHNAMA_MASTER_KEY_FILE": str(settings.master_key_file),
        "RAHNAMA_SOURCES": json.dumps({f"/upstream/{tenant}": tenant for tenant in TENANTS.values()}),
        "RAHNAMA_TRANSACTIONS_IN_FLIGHT": str(in_flight),
    }
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(process(environment, port)) for port in free_ports(2)]
        for (history, number), tenant in TENANTS.items():
            senders = HISTORIES[history](Maker(Random(f"{history}-{number}-{in_flight}"), (tenant,)))
            headers = {**BATCH, **issuer.headers("upstream", tenant)}
            played = await asyncio.gather(
                *(play(sender, clients[place % 2], headers) for place, sender in enumerate(senders))
            )
            log = await rows(database, LOG.replace("from log", "from log where tenant = $1"), tenant)
            serial_order(observe(played, log))
    assert await deadlocks(database) == 0
    await require_projections(database)
