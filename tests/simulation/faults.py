"""What goes wrong, when, and how often: decided by the seed. In the end everything is whole again."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from typing import Final

from infra.services import NAMES
from tests.simulation.breaking import Breaking
from tests.simulation.installation import Installation, Shape
from tests.simulation.processes import PROCESS
from tests.simulation.restoring import DidNotHappen

LONGEST_SECONDS: Final = 6.0
RATES: Final[Mapping[str, Mapping[str, float]]] = {
    "connect": {"refused": 0.05},
    "statement": {"lost before": 0.006, "lost after": 0.004, "aborted": 0.006, "slow": 0.001},
    "write": {"lost before": 0.006, "lost after": 0.004, "aborted": 0.006, "slow": 0.001},
    "listen": {"lost before": 0.01},
    "BEGIN": {"lost before": 0.01},
    "COMMIT": {"lost before": 0.03, "lost after": 0.05, "slow": 0.005},
    "ROLLBACK": {"lost before": 0.05},
    "produce": {"lost before": 0.03, "lost after": 0.05, "slow": 0.01},
    "late batch": {"late": 0.03},
    "fetch": {"lost before": 0.01, "slow": 0.002},
}
AT_WORK: Final[Mapping[str, Mapping[str, float]]] = {
    "statement": {"killed": 0.004, "stopped": 0.004},
    "write": {"killed": 0.008, "stopped": 0.006},
    "BEGIN": {"killed": 0.01, "stopped": 0.02},
    "COMMIT": {"killed": 0.03, "stopped": 0.03},
    "produce": {"killed": 0.02, "stopped": 0.03},
    "fetch": {"stopped": 0.003},
    "commit": {"killed": 0.01, "stopped": 0.01},
}
"""How often a process ends, or stands still, at the moment in which it asks for something."""
REQUEST: Final[Mapping[str, float]] = {"lost before": 0.02, "lost after": 0.01, "slow": 0.003}
"""Of every other request to the broker."""


class Faults:
    """Breaks things for a while, each kind as often as the seed says."""

    def __init__(self, installation: Installation, chance: random.Random, *, enabled: bool) -> None:
        self._installation = installation
        self._chance = chance
        self.counted: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        """Faults that found nothing to break: they did not happen."""
        self._breaking = Breaking(installation, chance, self.counted)
        self._until = chance.uniform(1.0, LONGEST_SECONDS) if enabled else 0.0
        self._severity = chance.choice((0.0, 0.5, 1.5, 2.5))
        self._events = chance.choice((0, 1, 2, 4, 7)) if enabled else 0
        installation.set_fates(self._fate)

    @property
    def inbound_made_anew(self) -> int:
        """How often records of `rahnama.inbound` were lost."""
        return self._breaking.inbound_made_anew

    @property
    def findings(self) -> list[str]:
        """What happened that must never."""
        return self._breaking.findings

    async def run(self, shape: Shape) -> None:
        """Returns when nothing goes wrong any more, and every service runs."""
        moments = sorted(self._chance.uniform(0.1, max(0.2, self._until)) for _ in range(self._events))
        async with asyncio.TaskGroup() as group:
            for moment in moments:
                await self._wait_until(moment)
                kind = self._kind()
                self.counted[kind] += 1
                group.create_task(self._break(kind))
            await self._wait_until(self._until)
        await self._breaking.struck_are_back()
        await self._mend(shape)
        await self._breaking.theft.remedy()
        await self._breaking.forging.remedy(shape.instances)

    async def _wait_until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - self._installation.loop.time()))

    def _kind(self) -> str:
        kinds = list(self._breaking.kinds)
        weights = [self._breaking.kinds[kind][1] for kind in kinds]
        return self._chance.choices(kinds, weights)[0]

    async def _break(self, kind: str) -> None:
        try:
            await self._breaking.kinds[kind][0]()
        except DidNotHappen:
            self.counted -= Counter((kind,))
            self.missed[kind] += 1

    def _fate(self, server: str, what: str) -> str | None:
        if self._installation.loop.time() >= self._until or self._severity == 0.0:
            return None
        self._strike(what)
        roll = self._chance.random() / self._severity
        for fault, rate in RATES.get(what, REQUEST).items():
            if roll < rate:
                self.counted[f"{'broker' if server == 'kafka' else 'database'}: {what} {fault}"] += 1
                return fault
            roll -= rate
        return None

    def _strike(self, what: str) -> None:
        """Whoever asks is killed or stopped in this moment; the request is on its way, and nobody hears the answer."""
        process = PROCESS.get()
        if process is None or not process.alive or process.stopped or what not in AT_WORK:
            return
        roll = self._chance.random() / self._severity
        for fault, rate in AT_WORK[what].items():
            if roll < rate:
                self.counted[f"process {fault} at {what}"] += 1
                self._breaking.strike(process, fault)
                return
            roll -= rate

    async def _mend(self, shape: Shape) -> None:
        """Whoever was stopped goes on, whoever died is started again."""
        self._installation.broker.down = False
        for database in self._installation.databases.values():
            database.down = False
        for service in NAMES:
            alive = self._installation.alive(service)
            for instance in alive:
                instance.process.dies_at = 0
                if instance.process.stopped:
                    instance.process.go_on(self._installation.loop)
            for _ in range(max(0, shape.instances[service] - len(alive))):
                self._installation.launch(service)
