"""A foreign client joins a service's consumer group and takes partitions, of which it applies nothing.

At most once in a seed. It leaves at some moment, or only when the service has raised its alarm.
"""

import asyncio
import random
from typing import Any, Final

from aiokafka.errors import KafkaError

from tests.simulation.groups import Group
from tests.simulation.installation import Installation
from tests.simulation.sessions import SERVER

SESSION_SECONDS: Final = 3.0
BEAT_SECONDS: Final = 0.5
SHORT_SECONDS: Final = 5.0
ALARM_SECONDS: Final = 90.0
ASK_SECONDS: Final = 0.5
FOREIGN: Final = "a foreign client"
PREFIX: Final = "rahnama."


class Theft:
    """`findings` tell of an alarm that did not sound, and of one without a cause."""

    def __init__(self, installation: Installation, chance: random.Random) -> None:
        self._installation = installation
        self._chance = chance
        self._service: str | None = None
        self._member: asyncio.Task[None] | None = None
        self.findings: list[str] = []

    async def steal(self) -> None:
        """Joins; returns when it has left, or at once when it is to stay until the alarm."""
        groups = {
            name: group for name, group in self._installation.broker.groups.items() if group.described()[1]
        }
        if self._service is not None or not groups:
            return
        name = self._chance.choice(sorted(groups))
        self._service = name.removeprefix(PREFIX)
        topics = groups[name].described()[1][0].topics
        work = self._belong(groups[name], list(topics))
        self._member = self._installation.loop.create_task(work, context=SERVER.copy())
        if self._chance.random() < 0.5:
            await asyncio.sleep(self._chance.random() * SHORT_SECONDS)
            await self._leave()

    async def remedy(self) -> None:
        """Waits for the alarm, then stops the client. Nothing else goes wrong any more."""
        service = self._service
        if self._member is None or service is None:
            if service is None and (
                found := next(filter(self._told, self._installation.broker.groups), None)
            ):
                self.findings.append(f"{found} has an alarm for a foreign member without one")
            return
        deadline = self._installation.loop.time() + ALARM_SECONDS
        while not self._told(f"{PREFIX}{service}"):
            if self._installation.loop.time() > deadline:
                self.findings.append(f"no alarm of {service} for a foreign member of its group")
                break
            await asyncio.sleep(ASK_SECONDS)
        await self._leave()

    def _told(self, group: str) -> bool:
        """Whether an instance reports the foreign member."""
        return any(
            "foreign member" in told
            for instance in self._installation.alive(group.removeprefix(PREFIX))
            for told in _inbox(instance).troubles()
        )

    async def _leave(self) -> None:
        member, self._member = self._member, None
        if member is not None:
            member.cancel()
            await asyncio.gather(member, return_exceptions=True)

    async def _belong(self, group: Group, topics: list[str]) -> None:
        number: int | None = None
        try:
            while True:
                number, joining = group.join(number, topics, SESSION_SECONDS, FOREIGN)
                generation, _ = await joining
                try:
                    while True:
                        await asyncio.sleep(BEAT_SECONDS)
                        group.heartbeat(number, generation)
                except KafkaError:
                    continue
        finally:
            if number is not None:
                group.leave(number)


def _inbox(instance: Any) -> Any:
    return instance.parts if instance.service == "audit" else instance.parts.inbox
