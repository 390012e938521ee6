"""A whole system with servers of its own, on which a benchmark runs, and the checks of what it has done."""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import asyncpg
import httpx

from infra.demo.chain import Chain
from infra.demo.measure import verify
from infra.local.home import Home
from infra.local.ports import SystemPorts
from infra.local.system import System
from shared.postgres import named_queries
from tests.tools.bench.cohorts import EVERY_TENANT, Load
from tests.tools.bench.figures import Transaction, require, require_equal
from tests.tools.bench.processes import Usage, read_usage
from tests.tools.bench.sending import Sender, Sent

DEADLINE_SECONDS: Final = 900.0
HTTP_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.05
BLOCK_BYTES: Final = 512
"""Of `st_blocks`, whatever the file system's own blocks are."""
QUERIES: Final = named_queries("tests.tools.bench")

Environment = Mapping[str, Mapping[str, str]]
"""Variables by service."""


class Harness:
    """A running system, an admin of it who looks, and a sender. Made by `new_harness`."""

    def __init__(self, system: System, client: httpx.AsyncClient, sender: Sender) -> None:
        self.system = system
        self.client = client
        self.sender = sender
        self.chain = Chain(client, system.urls, deadline_seconds=DEADLINE_SECONDS)
        self._connections: dict[str, asyncpg.Connection[asyncpg.Record]] = {}

    async def close(self) -> None:
        """Lets go of the databases; the system goes on."""
        for connection in self._connections.values():
            await connection.close(timeout=5)
        self._connections.clear()

    def usage(self) -> Usage:
        """CPU so far."""
        return read_usage(self.system)

    def disk_bytes(self) -> int:
        """Of everything that the system keeps: Kafka's topics, Postgres' tables and write-ahead log."""
        found = 0
        for file in self.system.folder.rglob("*"):
            with contextlib.suppress(OSError):  # Postgres renames and removes files as it goes
                found += file.lstat().st_blocks * BLOCK_BYTES
        return found

    async def stop(self, *services: str) -> None:
        """Ends services; what they do not do now, they find on their topics when they are started."""
        for service in services:
            await self.system.kill(service, signal.SIGTERM)

    async def send_reference(self, load: Load) -> None:
        """Managers, rosters and mentors; returns when they are on the topic."""
        await self.sender.send_all(load.reference, at_once=1)
        await self.until_relayed()

    async def until_relayed(self, service: str = "intake") -> None:
        """Returns when all of a service's log is on its topic."""
        end = time.monotonic() + DEADLINE_SECONDS
        while any(one["published"] != one["last"] for one in await self.log_of(service)):
            require(time.monotonic() < end, f"the log of {service} did not reach its topic")
            await asyncio.sleep(POLL_SECONDS)

    async def until_applied(self, service: str, source: str) -> None:
        """Returns when `service` has applied everything that is in the log of `source` now, as its database says."""
        wanted = await self.value(source, "log_length")
        end = time.monotonic() + DEADLINE_SECONDS
        while await self.value(service, "applied_length", source) < wanted:
            require(time.monotonic() < end, f"{service} did not apply all of {source}")
            self.system.require_running()
            await asyncio.sleep(POLL_SECONDS)

    async def log_of(self, service: str) -> list[dict[str, Any]]:
        """The log's part of `/v1/positions`."""
        answer = await self.client.get(f"{self.system.urls[service]}/v1/positions")
        answer.raise_for_status()
        log: list[dict[str, Any]] = answer.json()["log"]
        return log

    async def fetch(self, service: str, query: str, *arguments: object) -> list[asyncpg.Record]:
        """The rows of a named query, asked of a service's database by its owner."""
        if service not in self._connections:
            self._connections[service] = await asyncpg.connect(self.system.database(service).owner_dsn)
        return await self._connections[service].fetch(QUERIES[query], *arguments)

    async def value(self, service: str, query: str, *arguments: object) -> Any:
        """The only value of a named query."""
        return (await self.fetch(service, query, *arguments))[0][0]

    async def transactions(self, service: str) -> list[Transaction]:
        """Of the rows of allocation's log, or of audit's ledger."""
        query = "ledger_transactions" if service == "audit" else "log_transactions"
        return [Transaction(*row) for row in await self.fetch(service, query)]

    # -- what must be true at the end

    def check_answers(self, load: Load, sent: Sent) -> None:
        """Every event has an answer, and every student was accepted once."""
        require_equal(sent.answered, load.events, "events that were answered")
        require_equal(sent.status["accepted"], load.students, "events that were accepted")

    async def check_intake(self, students: int) -> None:
        """So many are in the log, each once."""
        require_equal(await self.value("intake", "student_facts"), students, "students in intake's log")

    async def check_allocation(self, students: int) -> None:
        """Every student has one decision, and is in one place."""
        require_equal(await self.value("allocation", "first_decisions"), students, "students decided once")
        require_equal(await self.value("allocation", "log_length"), students, "decisions")

    async def check_audit(self) -> None:
        """The ledger holds both logs from end to end."""
        for source in ("intake", "allocation"):
            kept, wanted = (
                await self.value("audit", "ledger_length", source),
                await self.value(source, "log_length"),
            )
            require_equal(kept, wanted, f"records of {source} in the ledger")

    async def check_students(self, students: int) -> None:
        """All three services know exactly these."""
        await self.check_intake(students)
        await self.check_allocation(students)
        await self.check_audit()

    async def check_proof(self) -> dict[str, Any]:
        """Every chain and tree, computed again from ledger and topics. Returns records and seconds."""
        begun = time.monotonic()
        report = await verify(self.system, self.client)
        require(bool(report["verified"]), f"the verification failed: {report.get('first_difference')}")
        return {"records": report["records"], "seconds": round(time.monotonic() - begun, 1)}


@asynccontextmanager
async def new_harness(
    environment: Environment | None = None, tenants: Mapping[str, str] = EVERY_TENANT
) -> AsyncIterator[Harness]:
    """Started empty, stopped and removed at the end. `environment` adds variables by service."""
    given: dict[str, dict[str, str]] = {name: dict(more) for name, more in (environment or {}).items()}
    given.setdefault("intake", {})["RAHNAMA_SOURCES"] = json.dumps(tenants)
    home = Home.from_environment()
    with home.scratch_folder("bench") as folder:
        async with AsyncExitStack() as stack:
            system = await stack.enter_async_context(
                System(home, folder, SystemPorts.free(), environment=given)
            )
            headers = {"authorization": f"Bearer {system.token('admin')}"}
            client = await stack.enter_async_context(
                httpx.AsyncClient(headers=headers, timeout=HTTP_SECONDS, trust_env=False)
            )
            tokens = {tenant: system.token("upstream", tenant=tenant) for tenant in tenants.values()}
            sender = await stack.enter_async_context(Sender(system.urls["intake"], tokens))
            harness = Harness(system, client, sender)
            stack.push_async_callback(harness.close)
            yield harness
