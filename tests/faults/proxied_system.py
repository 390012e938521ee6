"""One system under fire: every service is a victim, and every link to a server goes through a proxy."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

import httpx
import psutil

from infra.local.errors import PartFailedError
from infra.local.home import Home
from infra.local.kafka import Listener
from infra.local.ports import LOOPBACK, SystemPorts, free_ports
from infra.local.service import ServiceProcess
from infra.local.system import System
from infra.services import NAMES
from tests.deadlines import until
from tests.faults.times import SETTINGS, TOKEN_HOURS
from tests.proxy import Proxy

SERVERS: Final = ("kafka", "postgres")
PARTITIONS: Final = 12
TENANTS: Final = {"/upstream/demo": "default", "/upstream/qom": "qom", "/upstream/yazd": "yazd"}
"""Sources and whose they are; six pools, in six partitions."""
READY_SECONDS: Final = 60.0


class ProxiedSystem:
    """A system with `proxies` by (service, server), that knows which of its parts should run. A context manager."""

    def __init__(self, folder: Path, environment: Mapping[str, Mapping[str, str]]) -> None:
        """`environment` adds variables by service."""
        self.proxies = {
            (service, server): Proxy(f"{service} - {server}") for service in NAMES for server in SERVERS
        }
        listeners = [
            Listener(service.upper(), free_ports(1)[0], self.proxies[service, "kafka"].port)
            for service in NAMES
        ]
        for service, listener in zip(NAMES, listeners, strict=True):
            self.proxies[service, "kafka"].target = listener.port
        self.folder = folder
        self.system = System(
            Home.from_environment(),
            folder,
            SystemPorts.free(),
            partitions=PARTITIONS,
            environment={service: {**SETTINGS, **environment[service]} for service in NAMES},
            on_service=self._make_victim,
            listeners=listeners,
        )
        self.down: set[str] = set()
        """Parts that do not run because a fault wants it so."""
        self.surprises: list[str] = []
        """Deaths that nobody ordered."""
        self._ordered: set[str] = set()

    async def __aenter__(self) -> Self:
        for proxy in self.proxies.values():
            await proxy.start()
        try:
            await self.system.start()
        except BaseException:
            await self._stop_proxies()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for name in self.system.parts:
            self.signal(name, signal.SIGCONT)
        for proxy in self.proxies.values():
            proxy.heal()
        try:
            await self.system.stop()
        finally:
            await self._stop_proxies()

    async def _stop_proxies(self) -> None:
        for proxy in self.proxies.values():
            await proxy.stop()

    def token(self, role: str, *, tenant: str = "default") -> str:
        """Valid also where the clock is a day behind or ahead."""
        return self.system.token(role, tenant=tenant, hours=TOKEN_HOURS, age_hours=TOKEN_HOURS)

    # -- its parts

    @property
    def instances(self) -> dict[str, ServiceProcess]:
        """The services' processes by name: `allocation`, `allocation-2` …"""
        return {name: part for name, part in self.system.parts.items() if isinstance(part, ServiceProcess)}

    def running(self, service: str) -> list[str]:
        """The instances of a service that run."""
        return [
            name for name, part in self.instances.items() if part.service == service and part.child is not None and part.child.running
        ]  # fmt: skip

    async def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> bool:
        """Ends a part on purpose; it stays down until `start`. Returns whether it ran."""
        ran = self.system.parts[name].running
        self.down.add(name)
        self._ordered.add(name)
        self.signal(name, signal.SIGCONT)
        await self.system.kill(name, number)
        return ran

    async def start(self, name: str) -> None:
        """Starts a part again. Returns when it is ready."""
        await self.system.start_part(name)
        self._ordered.discard(name)
        self.down.discard(name)

    async def add(self, service: str, name: str, **environment: str) -> None:
        """Starts one more instance of a service."""
        if name not in self.system.parts:
            self.system.add_instance(service, name)
        part = self.instances[name]
        part.environment |= environment
        await self.start(name)

    def signal(self, name: str, number: signal.Signals) -> int:
        """Signals every process of a part: Postgres has one for each connection. Returns how many were signalled."""
        child = self.system.parts[name].child
        if child is None or not child.running:
            return 0
        try:
            processes = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
        except psutil.Error:
            return 0
        signalled = 0
        for process in processes:
            try:
                process.send_signal(number)
            except psutil.Error:
                continue
            signalled += 1
        return signalled

    def may_die(self, name: str) -> None:
        """A part that may end by itself from now on, until it is started: a server whose disk is full."""
        self._ordered.add(name)

    def arm(self, name: str, point: str, count: int) -> None:
        """The instance will kill itself at the `count`-th passage of `point`."""
        part = self.instances[name]
        control = Path(part.environment["RAHNAMA_VICTIM_CONTROL"])
        control.write_text(f"{count} {point}")
        self._ordered.add(name)
        self.signal(name, signal.SIGUSR1)

    async def death(self, name: str, seconds: float) -> bool:
        """Whether an armed instance dies within so long. If it does, it is down until `start`; else it is disarmed."""
        child = self.instances[name].child
        if child is not None and not await child.wait(seconds):
            self.arm(name, "", 0)
            self._ordered.discard(name)
            return False
        self.down.add(name)
        self.system.parts[name].kill()
        return True

    def release(self, name: str, release: str) -> None:
        """Which release an instance is of, from its next start on."""
        self.instances[name].environment["RAHNAMA_VICTIM_RELEASE"] = release

    # -- after a fault

    async def heal(self) -> None:
        """All links pass, nothing is stopped, one instance of everything runs, of the present release."""
        for proxy in self.proxies.values():
            proxy.heal()
        for name in self.system.parts:
            self.signal(name, signal.SIGCONT)
        self.look_for_surprises()
        for name, part in list(self.instances.items()):
            if name != part.service and name in self.running(part.service):
                await self.kill(name, signal.SIGTERM)
            elif name == part.service and part.environment["RAHNAMA_VICTIM_RELEASE"] == "next":
                await self.kill(name, signal.SIGTERM)
                self.release(name, "present")
        for name in (*SERVERS, *NAMES):
            if not self.system.parts[name].running:
                await self.start(name)
        await self.wait_until_ready()

    def look_for_surprises(self) -> None:
        """Keeps the name and the last words of every part that has died and should not have."""
        for name, part in self.system.parts.items():
            if part.child is not None and not part.running and name not in self._ordered:
                self.surprises.append(str(part.failed("ended unexpectedly")))
                self._ordered.add(name)

    async def wait_until_ready(self) -> None:
        """Returns when `/readyz` of every service says so. Raises `TimeoutError` with what is missing."""
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            for name in NAMES:
                await self._wait_until_ready(client, name)

    async def _wait_until_ready(self, client: httpx.AsyncClient, name: str) -> None:
        said = "nothing"

        async def attempt() -> bool:
            nonlocal said
            if not self.system.parts[name].running:
                raise PartFailedError(name, "has ended while it should become ready")
            try:
                answer = await client.get(f"{self.instances[name].url}/readyz")
            except httpx.TransportError as error:
                said = type(error).__name__
                return False
            said = answer.text
            return answer.status_code == 200

        try:
            await until(attempt, READY_SECONDS, f"{name}'s readiness")
        except AssertionError as error:
            raise AssertionError(f"{error}; it said {said[:500]}") from None

    async def urls(self, service: str) -> list[str]:
        """Of every instance that runs."""
        await asyncio.sleep(0)
        return [self.instances[name].url for name in self.running(service)]

    def log_files(self) -> Iterator[Path]:
        """What all parts have printed."""
        yield from sorted((self.folder / "logs").glob("*.log"))
        yield from (self.folder / server / f"{server}.log" for server in SERVERS)

    def _make_victim(self, service: ServiceProcess) -> None:
        """Called once Postgres runs: now its port is known."""
        port = urlsplit(service.environment["RAHNAMA_DATABASE_URL"]).port
        assert port is not None
        database, kafka = (
            self.proxies[service.service, "postgres"],
            self.proxies[service.service, "kafka"],
        )
        database.target = port
        service.environment |= {
            "RAHNAMA_DATABASE_URL": service.environment["RAHNAMA_DATABASE_URL"].replace(f":{port}/", f":{database.port}/"),
            "RAHNAMA_KAFKA_BOOTSTRAP": f"{LOOPBACK}:{kafka.port}",
            "RAHNAMA_VICTIM_CONTROL": os.fspath(self.folder / f"{service.name}.control"),
            "RAHNAMA_VICTIM_RELEASE": "present",
        }  # fmt: skip
        if service.service == "intake":
            service.environment["RAHNAMA_SOURCES"] = json.dumps(TENANTS)
        service.module = ("tests.faults.instrumented", service.service)
