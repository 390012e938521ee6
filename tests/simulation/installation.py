"""The simulated installation: three databases, a broker, and instances of the services on them.

Each instance is composed by its service's own `app.py`; only its resources are the simulation's.
"""

import asyncio
import base64
import random
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from infra.services import NAMES
from services.allocation import app as allocation
from services.allocation.settings import Settings as AllocationSettings
from services.audit import app as audit
from services.audit.settings import Settings as AuditSettings
from services.intake import app as intake
from services.intake.settings import Settings as IntakeSettings
from shared.inbox.garbage import GarbagePacer
from shared.service.lifespan import Component
from shared.service.resources import Resources
from shared.telemetry import Telemetry
from tests.simulation.broker import Broker
from tests.simulation.database import Database
from tests.simulation.kafka import Kafka
from tests.simulation.loop import SimulatedLoop
from tests.simulation.pool import Pool, connect
from tests.simulation.processes import Process, run_in
from tests.simulation.queries import load_queries
from tests.simulation.sessions import SERVER

TOPICS: Final = ("inbound", "intake", "allocation", "rejections", "keys")
BEGIN: Final = datetime(2026, 3, 21, tzinfo=UTC)
SOURCES: Final = {"/upstream/demo": "default", "/upstream/qom": "qom"}
NEVER: Final = 1_000_000_000
QUICK_SECONDS: Final = 0.005
LOST_MACHINE_SECONDS: Final = 20.0
JANITOR_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Shape:
    """How large an installation is, and how it is set."""

    partitions: int
    instances: dict[str, int]
    batch_records: int
    in_flight: int
    poll_seconds: float
    session_seconds: float


class Instance:
    """One process of a service."""

    def __init__(self, installation: "Installation", service: str, name: str) -> None:
        self.service = service
        self.name = name
        self.ready = False
        self.process = Process(name)
        self.process.on_death = self._died
        self._installation = installation
        self._requests: set[asyncio.Future[Any]] = set()
        skew = timedelta(seconds=installation.chance.uniform(-2, 2))
        database = installation.databases[service]
        resources = Resources(
            pool=Pool(database),  # type: ignore[arg-type]
            connect=partial(connect, database),  # type: ignore[arg-type]
            kafka=Kafka(installation.broker),
            clock=lambda: installation.now() + skew,
            telemetry=Telemetry(),
        )
        self.parts: Any = self.process.context.run(_compose, service, installation.shape, resources)
        if service != "audit":
            self._listen(self.parts.relay._inspection.foreign.found)

    @property
    def in_order(self) -> Sequence[Component]:
        """Its parts, as they start."""
        return (self.parts,) if self.service == "audit" else tuple(self.parts.in_order)

    def _listen(self, found: Any) -> None:
        """Keeps every foreign record that the relay reports, unless its log was set back: then a late batch is one."""
        report = found.report

        def told(topic: str, number: int, records: Iterable[Any]) -> None:
            reported = list(records)
            self._installation.foreign += [
                f"{topic} {number}: {record.reason}"
                for record in reported
                if record.kept is not None or self.service not in self._installation.set_back
            ]
            report(topic, number, reported)

        found.report = told

    def start(self) -> None:
        """In the background, as a process does."""
        run_in(self.process, self._installation.loop, self._start())

    async def _start(self) -> None:
        for part in self.in_order:
            await part.start()
        self.ready = True

    async def stop(self) -> None:
        """As SIGTERM: parts end in the opposite order; whatever is left is killed."""
        self.ready = False
        if self.process.alive and not self.process.stopped:
            await self.ask(self._stop())
        self.process.kill()

    async def _stop(self) -> None:
        for part in reversed(self.in_order):
            await part.stop()

    async def ask(self, work: Any) -> Any:
        """Runs `work` in the process; a reset connection is the answer when it dies meanwhile."""
        if not self.process.alive:
            work.close()
            raise ConnectionRefusedError(self.name)
        answer = self._installation.loop.create_future()
        self._requests.add(answer)
        task = run_in(self.process, self._installation.loop, work)
        task.add_done_callback(partial(_hand_on, answer), context=SERVER)
        try:
            return await answer
        finally:
            self._requests.discard(answer)

    def _died(self) -> None:
        self.ready = False
        for answer in list(self._requests):
            if not answer.done():
                answer.set_exception(ConnectionResetError(self.name))
        self._installation.bury(self)


class Installation:
    """Everything that a seed sets up. Its time and its chance are the loop's and the seed's."""

    def __init__(self, loop: SimulatedLoop, shape: Shape, seed: int) -> None:
        load_queries()
        self.loop = loop
        self.shape = shape
        self.chance = random.Random(f"world {seed}")
        self.databases = {
            service: Database(service, shape.partitions, loop, random.Random(f"{service} {seed}"))
            for service in NAMES
        }
        self.broker = Broker(loop, random.Random(f"broker {seed}"))
        for topic in TOPICS:
            self.broker.create_topic(f"rahnama.{topic}", shape.partitions)
        self.instances: list[Instance] = []
        self.foreign: list[str] = []
        self.set_back: set[str] = set()
        """The services whose logs were older than their topics, at some time."""
        self._started = 0
        self.loop.call_later(JANITOR_SECONDS, self._tidy, context=SERVER)

    def now(self) -> datetime:
        """The right time."""
        return BEGIN + timedelta(seconds=self.loop.time())

    def launch(self, service: str) -> Instance:
        """A new process."""
        self._started += 1
        instance = Instance(self, service, f"{service}-{self._started}")
        self.instances.append(instance)
        instance.start()
        return instance

    def alive(self, service: str) -> list[Instance]:
        """The processes of a service, stopped ones too."""
        return [
            instance for instance in self.instances if instance.service == service and instance.process.alive
        ]

    def bury(self, instance: Instance) -> None:
        """Its sockets are closed by its kernel at once; or its machine is gone, and the server finds out later."""
        self.instances = [other for other in self.instances if other is not instance]
        gone = self.chance.random() < 0.1
        for database in self.databases.values():
            for session in database.sessions:
                if session.process is instance.process:
                    longest = LOST_MACHINE_SECONDS if gone else QUICK_SECONDS
                    delay = longest * self.chance.random()
                    self.loop.call_later(delay, database.end_session, session, context=SERVER)

    def set_fates(self, fate: Callable[[str, str], str | None]) -> None:
        """`fate(server, what)` decides of every operation on a database or the broker."""
        for service, database in self.databases.items():
            database.fate = partial(fate, service)
        self.broker.fate = partial(fate, "kafka")

    def _tidy(self) -> None:
        for database in self.databases.values():
            database.end_idle_sessions()
        self.loop.call_later(JANITOR_SECONDS, self._tidy, context=SERVER)


def _hand_on(answer: "asyncio.Future[Any]", task: "asyncio.Task[Any]") -> None:
    if answer.done():
        if not task.cancelled():
            task.exception()
    elif task.cancelled():
        answer.set_exception(ConnectionResetError("cancelled"))
    elif (error := task.exception()) is not None:
        answer.set_exception(error)
    else:
        answer.set_result(task.result())


@cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    folder = tempfile.TemporaryDirectory(prefix="rahnama-simulation-")
    Path(folder.name, "master.key").write_text(base64.b64encode(bytes(range(32))).decode())
    return folder


def _files() -> Path:
    return Path(_folder().name)


def prepare() -> None:
    """Reads whatever is the same for all seeds, before processes are made that share it."""
    load_queries()
    _folder()


@cache
def _settings(
    service: str,
    partitions: int,
    batch_records: int,
    in_flight: int,
    poll_seconds: float,
    session_seconds: float,
) -> Any:
    shared: dict[str, Any] = {
        "database_url": "postgresql://simulation",
        "partitions": partitions,
        "batch_records": batch_records,
        "poll_seconds": poll_seconds,
        "session_timeout_seconds": session_seconds,
        "jwks_file": _files() / "none",
    }
    if service == "intake":
        return IntakeSettings(
            **shared,
            master_key_file=_files() / "master.key",
            sources=SOURCES,
            transactions_in_flight=in_flight,
        )
    return (AllocationSettings if service == "allocation" else AuditSettings)(**shared)


def settings_of(service: str, shape: Shape) -> Any:
    """The settings of a service; read once for each shape."""
    return _settings(
        service,
        shape.partitions,
        shape.batch_records,
        shape.in_flight,
        shape.poll_seconds,
        shape.session_seconds,
    )


def _compose(service: str, shape: Shape, resources: Resources) -> Any:
    settings, pacer = settings_of(service, shape), GarbagePacer(NEVER)
    composed = {"intake": intake.compose, "allocation": allocation.compose, "audit": audit.compose}
    return composed[service](settings, resources, pacer)  # type: ignore[operator]
