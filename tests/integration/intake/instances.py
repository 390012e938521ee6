"""Writers without doors: each with its own pool, as an instance of intake has, on one real database."""

import asyncio
import base64
import contextlib
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from infra.local.databases import ServiceDatabase
from services.intake.append.decide_batch import ReceivedEvent
from services.intake.append.idempotency import Result
from services.intake.append.transaction import Appender
from services.intake.append.writer import Submission, Writer
from services.intake.crypto.key_record import FreshKeys
from services.intake.crypto.sealing import Keyring
from services.intake.inbox.receive import Receiver
from shared.append.clock import system_clock
from shared.append.log import Log
from shared.contracts.facts import INTAKE_SOURCE
from shared.postgres import close_pool, open_pool
from shared.telemetry import Telemetry
from tests.integration.intake.harness import Event

PARTITIONS = 12
EVENT_BYTES = 4 * 1024 * 1024


class Instance:
    """The writer of one instance. `lost` counts the races that it lost, by the name of the error."""

    def __init__(self, writer: Writer, receiver: Receiver, lost: Counter[str]) -> None:
        self._writer = writer
        self._receiver = receiver
        self.lost = lost

    async def send(self, events: Sequence[Event]) -> list[Result]:
        """One submission; each event belongs to the tenant of its source, `/upstream/<tenant>`."""
        return await self._writer.submit([self._arrival(event) for event in events])

    def _arrival(self, event: Event) -> ReceivedEvent:
        tenant = str(event["source"]).rpartition("/")[2]
        return self._receiver.from_http(json.dumps(event).encode(), tenant, None)


@asynccontextmanager
async def instance(
    database: ServiceDatabase, master: bytes, tenants: Sequence[str], *, in_flight: int = 2, batch: int = 1000
) -> AsyncIterator[Instance]:
    """A running writer, with its gate open."""
    lost: Counter[str] = Counter()
    keyring = Keyring(master)
    pool = await open_pool(database.dsn, application="intake", size=in_flight)
    try:
        log = Log(INTAKE_SOURCE)
        log.gate.open()
        appender = Appender(
            pool,
            log,
            keyring,
            Telemetry.start(INTAKE_SOURCE),
            partitions=PARTITIONS,
            fresh_keys=FreshKeys(),
            published=lambda _: None,
            clock=system_clock,
        )

        async def transact(batch: Sequence[Submission], alone: bool) -> list[list[Result]]:
            try:
                return await appender.transact(batch, alone)
            except Exception as error:
                lost[type(error).__name__] += 1
                raise

        writer = Writer(transact, batch_events=batch, queued_events=100_000, in_flight=in_flight)
        receiver = Receiver(keyring, {f"/upstream/{name}": name for name in tenants}, event_bytes=EVENT_BYTES)
        await writer.start()
        try:
            yield Instance(writer, receiver, lost)
        finally:
            await writer.stop()
    finally:
        await close_pool(pool)


def new_master() -> bytes:
    """A master key of 32 bytes."""
    return secrets.token_bytes(32)


def read_master(folder: Path) -> bytes:
    """The master key of services whose settings were made in `folder`."""
    return base64.b64decode((folder / "master.key").read_text(encoding="ascii"))


async def deadlocks(database: ServiceDatabase) -> int:
    """How many dead-locks Postgres has broken in a database. To be asked when its other connections have ended."""
    connection = await asyncpg.connect(database.owner_dsn)
    try:
        async with asyncio.timeout(10):
            while await connection.fetchval(  # noqa: ASYNC110 - a backend tells its counts as it ends
                "select count(*) from pg_stat_activity where datname = current_database()"
                " and pid <> pg_backend_pid()"
            ):
                await asyncio.sleep(0.02)
        found: int = await connection.fetchval(
            "select deadlocks from pg_stat_database where datname = current_database()"
        )
        return found
    finally:
        with contextlib.suppress(asyncpg.PostgresError):
            await connection.close()


async def rows(database: ServiceDatabase, query: str, *arguments: object) -> list[dict[str, Any]]:
    """What the database holds, read as its owner."""
    connection = await asyncpg.connect(database.owner_dsn)
    try:
        return [dict(row) for row in await connection.fetch(query, *arguments)]
    finally:
        await connection.close()
