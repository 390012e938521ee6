"""What the drills do to a system, and what they ask it then."""

import signal
from typing import Any, Final

import asyncpg
import pytest

from infra.local.errors import PartFailedError
from infra.local.service import ServiceProcess
from infra.services import NAMES
from shared.kafka.closing_clients import Producer
from tests.e2e.people import event, student
from tests.e2e.upstream import Upstream
from tests.integration.recover.backups import Backups, rows_of
from tests.invariants.every import everything_holds

COMMAND_SECONDS: Final = 120.0


async def stop(upstream: Upstream, *services: str) -> None:
    for service in services:
        await upstream.system.kill(service, signal.SIGTERM)


async def start(upstream: Upstream, *services: str) -> None:
    for service in services:
        await upstream.system.start_part(service)


async def command(upstream: Upstream, service: str, word: str, *options: str) -> str:
    """What the command has told, of all its runs; as the owner gives it, beside no service."""
    part = upstream.system.parts[service]
    assert isinstance(part, ServiceProcess)
    return (await part.run_as_owner(word, *options, seconds=COMMAND_SECONDS)).read_text()


async def all_holds(upstream: Upstream) -> None:
    await upstream.settle()
    everything_holds(await upstream.evidence())
    report = await upstream.verify()
    assert report["verified"], report["first_difference"]


async def registered(upstream: Upstream, number: int, event_id: str, **changes: Any) -> dict[str, Any]:
    """A person sent over HTTP: who intake says it is, and what allocation knows of it."""
    [result] = await upstream.post([event("student.registered", event_id, student(number, **changes))])
    await upstream.settle()
    student_id = result["subject"].removeprefix("student/")
    [row] = await rows_of(
        upstream.system.database("allocation"),
        f"select student_id, arrival, counter from enrolments where student_id = '{student_id}'",
    )
    return row


async def copies(upstream: Upstream, backups: Backups, *services: str) -> dict[str, str]:
    """Backups of these services' databases, taken while they do not run."""
    await stop(upstream, *services)
    taken = {service: await backups.take(upstream.system.database(service)) for service in services}
    await start(upstream, *services)
    return taken


async def set_back(upstream: Upstream, backups: Backups, taken: dict[str, str]) -> None:
    """The databases as they were; the services find it out before anything is appended."""
    await stop(upstream, *taken)
    for service, copy in taken.items():
        await backups.restore(upstream.system.database(service), copy)
        log = await rows_of(upstream.system.database(service), "select count(*) as events from log")
        with pytest.raises(
            PartFailedError, match=r"is not ready \(closed: reads only\): .*the database was restored"
        ):
            await upstream.system.start_part(service)
        assert await rows_of(upstream.system.database(service), "select count(*) as events from log") == log


async def events_of(upstream: Upstream, service: str) -> list[dict[str, Any]]:
    columns = "partition, sequence, type, tenant, subject, version, value, hash, causation_id"
    return await rows_of(
        upstream.system.database(service), f"select {columns} from log order by partition, sequence"
    )


async def as_admin(upstream: Upstream, statement: str) -> None:
    admin = await asyncpg.connect(upstream.system.admin_dsn)
    try:
        await admin.execute(statement, timeout=60)
    finally:
        await admin.close()


async def write(
    upstream: Upstream, source: str, partition: int, value: bytes | None, key: bytes | None = None
) -> None:
    """A record past the relay."""
    producer = Producer(bootstrap_servers=upstream.system.kafka_bootstrap, acks="all")
    await producer.start()
    try:
        await producer.send_and_wait(f"rahnama.{source}", value, key=key, partition=partition)
    finally:
        await producer.stop()


async def readiness(upstream: Upstream, service: str) -> dict[str, Any]:
    found: dict[str, Any] = (await upstream.client.get(f"{upstream.urls[service]}/readyz")).json()
    return found


async def gate_of(upstream: Upstream, service: str) -> str | None:
    """Why nothing may be appended."""
    reason: str | None = (await readiness(upstream, service))["parts"]["relay"]
    return reason


async def held_by(upstream: Upstream, service: str) -> str:
    """What stands still there."""
    return "\n".join((await readiness(upstream, service)).get("held", ()))


async def is_well(upstream: Upstream) -> bool:
    found = [await readiness(upstream, service) for service in NAMES]
    return all(one["status"] == "ready" and "held" not in one for one in found)
