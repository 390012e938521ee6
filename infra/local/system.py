"""The whole system as an object: Postgres, Kafka and the three services, started in order, watched, stopped in order.

async with System(home, folder, SystemPorts.free()) as system:
    httpx.post(f"{system.urls['intake']}/v1/events", …)
"""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from infra.local.check_settings import check_settings
from infra.local.databases import Databases, ServiceDatabase, describe_databases, ensure_databases
from infra.local.errors import PartFailedError
from infra.local.home import Home
from infra.local.kafka import KafkaServer, Listener
from infra.local.keys import ensure_keys
from infra.local.managed_process import ManagedProcess, start_reported, stop_reported
from infra.local.ports import LOOPBACK, SystemPorts, free_ports
from infra.local.postgres import PostgresServer
from infra.local.quotas import ensure_quotas
from infra.local.restarts import WATCH_SECONDS, RestartPolicy, keep_running
from infra.local.service import ServiceProcess, service_environment
from infra.local.side_by_side import side_by_side
from infra.local.tokens import DEFAULT_HOURS, make_token
from infra.local.topics import DEFAULT_PARTITIONS, ensure_topics
from infra.services import NAMES

STAGES = ("postgres", "kafka", "schema", *NAMES)
"""What the user sees, in order; `schema` is databases, topics and migrations."""


class System:
    """Everything in `folder`, kept between runs. Not started until `start` or `async with`."""

    def __init__(
        self,
        home: Home,
        folder: Path,
        ports: SystemPorts,
        *,
        on_crash: Literal["fail", "restart"] = "fail",
        partitions: int = DEFAULT_PARTITIONS,
        environment: Mapping[str, Mapping[str, str]] | None = None,
        on_change: Callable[["System"], None] = lambda system: None,
        on_service: Callable[[ServiceProcess], None] = lambda service: None,
        on_end: Callable[[str, str], None] = lambda part, reason: None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        """`environment` adds variables by service; `on_change` is told when a stage changes, `on_service` of each
        service before its first start, whose way it may change; `on_end` gets each unexpected end of a part and its
        reason. `listeners` are more ports of Kafka's."""
        self.folder = folder
        self.ports = ports
        self.stages = dict.fromkeys(STAGES, "waiting")
        self._on_crash = on_crash
        self._partitions = partitions
        self._environment = environment or {}
        self._on_change = on_change
        self._on_service = on_service
        self._on_end = on_end
        self._keys_folder = folder / "keys"
        self._postgres = PostgresServer(folder / "postgres")
        self._kafka = KafkaServer(
            home, folder / "kafka", ports.of("kafka"), ports.setting("kafka"), listeners
        )
        self._services: dict[str, ServiceProcess] = {}
        self._meant_to_be_down: set[str] = set()
        self._user: asyncio.Task[Any] | None = None
        self._watch: asyncio.Task[None] | None = None

    # -- what its users ask for

    @property
    def urls(self) -> dict[str, str]:
        """By service, without a slash at the end."""
        return {name: f"http://{LOOPBACK}:{self.ports.of(name)}" for name in NAMES}

    @property
    def kafka_bootstrap(self) -> str:
        """`host:port`."""
        return self._kafka.bootstrap

    @property
    def admin_dsn(self) -> str:
        """Of Postgres' superuser."""
        return self._postgres.admin_dsn

    @property
    def parts(self) -> dict[str, ManagedProcess]:
        """By name; the services are there once the servers are ready."""
        return {"postgres": self._postgres, "kafka": self._kafka, **self._services}

    def database(self, service: str) -> ServiceDatabase:
        """Both DSNs of a service."""
        return describe_databases(self.admin_dsn).of(service)

    def token(
        self,
        role: str,
        *,
        tenant: str = "default",
        centers: Sequence[int] | None = None,
        subject: str | None = None,
        hours: float = DEFAULT_HOURS,
        age_hours: float = 0.0,
    ) -> str:
        """A bearer token that this system's services accept."""
        keys = ensure_keys(self._keys_folder)
        return make_token(
            keys, role, tenant=tenant, centers=centers, subject=subject, hours=hours, age_hours=age_hours
        )

    async def kill(
        self, part: str, number: signal.Signals = signal.SIGKILL, *, seconds: float = 20.0
    ) -> None:
        """Signal a part on purpose. Returns when it has ended; for SIGSTOP and SIGCONT at once."""
        child = self.parts[part].child
        if child is None:
            return
        if number in (signal.SIGSTOP, signal.SIGCONT):
            child.send(number)
            return
        self._meant_to_be_down.add(part)
        child.send(number)
        if not await child.wait(seconds):
            raise child.failed(f"did not end within {seconds:g} s after {number.name}")

    async def start_part(self, part: str) -> None:
        """Start one again after `kill`."""
        await start_reported(self.parts[part], self._set)
        self._meant_to_be_down.discard(part)

    def add_instance(self, service: str, name: str) -> ServiceProcess:
        """Another process of a service, called `name`, on a port of its own. `start_part` starts it."""
        databases, keys = describe_databases(self.admin_dsn), ensure_keys(self._keys_folder)
        self._meant_to_be_down.add(name)
        added = self._services[name] = self._make_service(service, databases, keys, name)
        return added

    def require_running(self) -> None:
        """Raises PartFailedError if a part has ended that should run."""
        for name, part in self.parts.items():
            if not part.running and name not in self._meant_to_be_down:
                self._set(name, "failed")
                raise part.failed("ended unexpectedly")

    # -- its life

    async def start(self, *, services: bool = True) -> None:
        """Returns when all are ready, without `services` the servers; or raises LocalError with nothing left running."""
        try:
            check_settings()
            self.ports.require_free()
            keys = ensure_keys(self._keys_folder)
            await side_by_side(
                start_reported(self._postgres, self._set), start_reported(self._kafka, self._set)
            )
            self._set("schema", "starting")
            databases, *_ = await side_by_side(
                ensure_databases(self.admin_dsn),
                ensure_topics(self.kafka_bootstrap, partitions=self._partitions),
                ensure_quotas(self.kafka_bootstrap),
            )
            for name in NAMES:
                self._services[name] = self._make_service(name, databases, keys)
            await side_by_side(*(service.migrate() for service in self._services.values()))
            self._set("schema", "ready")
            if services:
                await side_by_side(*(start_reported(one, self._set) for one in self._services.values()))
        except BaseException as error:
            if isinstance(error, PartFailedError):
                self._set(error.part.split()[0], "failed")
            await self.stop()
            raise

    async def stop(self) -> None:
        """Services first, for they flush; then Kafka, then Postgres. Nothing is left even if we are cancelled."""
        if self._watch is not None:
            self._watch.cancel()
        try:
            await side_by_side(*(stop_reported(service, self._set) for service in self._services.values()))
            await stop_reported(self._kafka, self._set)
            await stop_reported(self._postgres, self._set)
        finally:
            for part in self.parts.values():
                part.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        self._user = asyncio.current_task()
        self._watch = asyncio.create_task(self._watch_parts())
        self._watch.add_done_callback(self._interrupt_user)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        failure = self._crash(error)
        await self.stop()
        if failure is not None:
            if isinstance(error, asyncio.CancelledError) and self._user is not None:
                self._user.uncancel()
            raise failure from error

    def _crash(self, error: BaseException | None) -> BaseException | None:
        """The crash behind what ended the block: it was interrupted, or met the crash before the watch did."""
        if self._watch is not None and self._watch.done() and not self._watch.cancelled():
            return self._watch.exception()
        if isinstance(error, Exception) and self._on_crash == "fail":
            try:
                self.require_running()
            except PartFailedError as crash:
                return crash
        return None

    def _interrupt_user(self, watch: "asyncio.Task[None]") -> None:
        if not watch.cancelled() and watch.exception() is not None and self._user is not None:
            self._user.cancel()

    async def _watch_parts(self) -> None:
        """Never returns; raises PartFailedError at the first crash, or when restarts did not help."""
        if self._on_crash == "restart":
            parts = self.parts.values()
            await side_by_side(
                *(keep_running(part, RestartPolicy(), self._set, self._on_end) for part in parts)
            )
        while True:
            self.require_running()
            await asyncio.sleep(WATCH_SECONDS)

    def _make_service(
        self, service: str, databases: Databases, keys: Any, name: str | None = None
    ) -> ServiceProcess:
        port = self.ports.of(service) if name is None else free_ports(1)[0]
        setting = self.ports.setting(service) if name is None else None
        database = databases.of(service)
        environment = service_environment(
            service, port, database, self.kafka_bootstrap, keys, partitions=self._partitions, urls=self.urls
        )
        environment |= self._environment.get(service, {})
        log = self.folder / "logs" / f"{name or service}.log"
        made = ServiceProcess(name or service, port, database, environment, log, setting, service=service)
        self._on_service(made)
        return made

    def _set(self, name: str, stage: str) -> None:
        self.stages[name] = stage
        self._on_change(self)
