"""What the trials on one proxied share: the system, upstream, and whoever exists by now."""

import base64
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.demo.traced import collector_environment
from infra.local.home import Home
from infra.otel.collector import Collector
from infra.services import NAMES
from tests.faults.proxied_system import TENANTS, ProxiedSystem
from tests.faults.quiescence import Quiescence
from tests.faults.senders import Senders
from tests.faults.workload import Workload
from tests.invariants.reading import Servers

QUIET_SECONDS = 90.0


@dataclass
class TrialEnvironment:
    """`inbound_made_anew` counts how often `rahnama.inbound` was deleted and created."""

    proxied: ProxiedSystem
    senders: Senders
    workload: Workload
    servers: Servers
    collector: Collector
    inbound_made_anew: int = 0

    async def said(self) -> list[tuple[str, bytes]]:
        """What the services have told anybody: answers, good and bad, spans, and metrics."""
        spans = b"\n".join(repr(span).encode() for span in self.collector.spans())
        metrics = [(f"{name}'s metrics", await self._metrics(name)) for name in NAMES]
        return [("answers", b"\n".join(self.senders.answers)), ("spans", spans), *metrics]

    async def _metrics(self, service: str) -> bytes:
        headers = {"authorization": f"Bearer {self.proxied.token('metrics')}"}
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            answer = await client.get(f"{self.proxied.instances[service].url}/metrics", headers=headers)
        answer.raise_for_status()
        return answer.content

    def keep_logs(self, to: Path) -> None:
        """Copies what all parts have printed."""
        to.mkdir(parents=True, exist_ok=True)
        for file in self.proxied.log_files():
            if file.exists():
                shutil.copy(file, to / file.name)


@asynccontextmanager
async def fresh_environment(seed: int, first_trial: int) -> AsyncIterator[TrialEnvironment]:
    """Empty servers; managers, rosters and mentors are there already. All is stopped at the end."""
    with Home.from_environment().scratch_folder("faults") as folder, Collector() as collector:
        async with ProxiedSystem(folder, collector_environment(collector)) as proxied:
            servers = servers_of(proxied, folder)
            senders = Senders(proxied)
            environment = TrialEnvironment(proxied, senders, Workload(TENANTS), servers, collector)
            try:
                beginning = environment.workload.beginning(random.Random(f"{seed}/beginning {first_trial}"))
                await senders.send([beginning])
                await Quiescence(servers).wait(QUIET_SECONDS)
                yield environment
            finally:
                await senders.close()


def servers_of(proxied: ProxiedSystem, folder: Path) -> Servers:
    """Read directly, not through the proxies."""
    system = proxied.system
    return Servers(
        {service: system.database(service).owner_dsn for service in NAMES},
        system.kafka_bootstrap,
        master_key=base64.b64decode((folder / "keys" / "master.key").read_text()),
        tenants=TENANTS,
    )
