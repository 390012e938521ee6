"""Clocks that jump by a day, forth and back: libfaketime in the processes of one part, or of all."""

import asyncio
import importlib.util
import platform
import signal
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final

import asyncpg
import httpx
from aiokafka.admin import NewTopic
from aiokafka.errors import KafkaError

from infra.local.service import ServiceProcess
from infra.local.system_user import let_pass
from infra.services import NAMES
from shared.kafka.closing_clients import Producer
from tests.faults.fault_context import DidNotHappen, FaultContext
from tests.invariants.reading import admin_of

DAY_SECONDS: Final = 86_400
SEEN_SECONDS: Final = 5.0
SEEN_STEP_SECONDS: Final = 0.2
CLOCK: Final = "faults.clock"
"""A topic whose records show the broker's time."""
DEBIAN: Final = Path(f"/usr/lib/{platform.machine()}-linux-gnu/faketime/libfaketime.so.1")
FAKED: Final = (
    "LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE", "FAKETIME_CACHE_DURATION", "FAKETIME_DONT_FAKE_MONOTONIC",
    "FAKETIME_FORCE_MONOTONIC_FIX",
)  # fmt: skip
IN_WHEEL: Final = "vendor/libfaketime/src/libfaketime.so.1"


def library() -> Path:
    """libfaketime of the wheel `libfaketime` or of Debian's package. Raises `DidNotHappen` where there is neither."""
    wheel = importlib.util.find_spec("libfaketime")  # not imported: that changes the environment
    found = [DEBIAN]
    if wheel is not None and wheel.origin is not None:
        found.insert(0, Path(wheel.origin).parent / IN_WHEEL)
    for path in found:
        if path.exists() and platform.system() == "Linux":
            return path
    raise DidNotHappen("libfaketime absent: neither the wheel `libfaketime` nor Debian's package has it")


async def a_services_clock_jumps_by_a_day(context: FaultContext) -> None:
    """Forth, back beyond the present, and to the present again, under load; its tokens outlive that."""
    await _jump(context, [context.draw.choice(NAMES)])


async def every_clock_jumps_by_a_day(context: FaultContext) -> None:
    """As on a host whose time is set: the services, Postgres and Kafka at once."""
    await _jump(context, ["postgres", "kafka", *NAMES])


async def _jump(context: FaultContext, names: list[str]) -> None:
    file = context.proxied.folder / "faketime"
    environment = faked(file)
    _set(file, 0)
    let_pass(file, readable=file)
    let_pass(library(), readable=library())
    await _restart(context, names, environment)
    first = context.draw.choice((1, -1))
    try:
        async with context.under_load():
            for days in (first, -first, 0):
                await context.in_use()
                context.do(f"the clock of {', '.join(names)} jumps to {days:+d} days")
                _set(file, days)
                await _witness(context, names, days)
                await context.pause(0.5, 2.0)
    finally:
        _set(file, 0)
        await _restart(context, names, {})


def faked(file: Path) -> dict[str, str]:
    """The variables of a process whose wall clock is as far ahead as `file` says, read again every second."""
    values = (str(library()), str(file), "1", "1", "0")  # with the last one, a fix, a JVM never becomes ready
    return dict(zip(FAKED, values, strict=True))


def _set(file: Path, days: int) -> None:
    fresh = file.with_suffix(".new")
    fresh.write_text(f"{days * DAY_SECONDS:+d}\n")
    fresh.chmod(0o644)
    fresh.rename(file)


async def _restart(context: FaultContext, names: list[str], environment: dict[str, str]) -> None:
    """With these of `FAKED` and no others."""
    for name in reversed(names):
        await context.proxied.kill(name, signal.SIGINT if name == "postgres" else signal.SIGTERM)
    for name in names:
        part = context.proxied.system.parts[name]
        added = part.environment if isinstance(part, ServiceProcess) else part.added_environment
        for variable in FAKED:
            added.pop(variable, None)
        added |= environment
        await context.proxied.start(name)


async def _witness(context: FaultContext, names: list[str], days: int) -> None:
    """Each of the parts shows the jump by its own clock."""

    async def jumped(name: str) -> None:
        seen: float | None = None
        for _ in range(int(SEEN_SECONDS / SEEN_STEP_SECONDS)):
            seen = await _ahead_seconds(context, name)
            if seen is not None and abs(seen - days * DAY_SECONDS) < DAY_SECONDS / 2:
                break
            await asyncio.sleep(SEEN_STEP_SECONDS)
        happened = seen is not None and abs(seen - days * DAY_SECONDS) < DAY_SECONDS / 2
        context.witness(happened, f"the clock of {name} did not jump to {days:+d} days: {seen} s ahead")

    await asyncio.gather(*map(jumped, names))


async def _ahead_seconds(context: FaultContext, name: str) -> float | None:
    """How far a part's clock is ahead of ours; None while it does not answer."""
    try:
        if name == "postgres":
            connection = await asyncpg.connect(context.proxied.system.admin_dsn, timeout=3)
            try:
                theirs = await connection.fetchval("select clock_timestamp()", timeout=3)
            finally:
                await connection.close(timeout=3)
        elif name == "kafka":
            theirs = await _kafkas_time(context.servers.bootstrap)
        else:
            async with httpx.AsyncClient(timeout=3, trust_env=False) as client:
                answer = await client.get(f"{context.proxied.instances[name].url}/healthz")
            theirs = parsedate_to_datetime(answer.headers["date"])
    except (httpx.TransportError, OSError, TimeoutError, asyncpg.PostgresError, KafkaError, KeyError):
        return None
    return float((theirs - datetime.now(UTC)).total_seconds())


async def _kafkas_time(bootstrap: str) -> datetime:
    """By the time that the broker gives to a record."""
    async with asyncio.timeout(5), admin_of(bootstrap) as admin:
        await admin.create_topics(
            [NewTopic(CLOCK, 1, 1, topic_configs={"message.timestamp.type": "LogAppendTime"})]
        )  # at most once: it exists from then on
        producer = Producer(bootstrap_servers=bootstrap, acks="all", metadata_max_age_ms=500)
        await producer.start()
        try:
            written = await producer.send_and_wait(CLOCK, b"?", partition=0)
        finally:
            await producer.stop()
    return datetime.fromtimestamp(written.timestamp / 1000, UTC)
