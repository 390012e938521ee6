"""The faults that happen at a moment: to processes, to databases, to the broker and its topics."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from aiokafka import TopicPartition

from infra.services import NAMES
from tests.simulation.broker import Entry, PartitionLog
from tests.simulation.database import Database
from tests.simulation.forging import Forging
from tests.simulation.installation import Installation, Instance
from tests.simulation.processes import Process
from tests.simulation.restoring import DidNotHappen, Restoring
from tests.simulation.sessions import SERVER, lost_connection
from tests.simulation.theft import Theft

LOGS: Final = ("rahnama.intake", "rahnama.allocation")
STEPS_TO_DIE: Final = 60
RESTART_SECONDS: Final = 3.0
STOPPED_SECONDS: Final = 18.0
DOWN_SECONDS: Final = 4.0

Breaks = Callable[[], Coroutine[Any, Any, None]]


class Breaking:
    """Each kind with its weight. `counted` is told what was done."""

    def __init__(self, installation: Installation, chance: random.Random, counted: Counter[str]) -> None:
        self._installation = installation
        self._chance = chance
        self._counted = counted
        self.inbound_made_anew = 0
        self._restoring = Restoring(installation, chance)
        self.forging = Forging(installation, chance, self._restoring)
        self.theft = Theft(installation, chance)
        self._struck: list[asyncio.Task[None]] = []
        self.kinds: Mapping[str, tuple[Breaks, float]] = {
            "process killed": (self._kill, 4.0),
            "process killed at a step": (self._kill_at_a_step, 6.0),
            "process stopped for a while": (self._stop_for_a_while, 4.0),
            "process ended politely": (self._end_politely, 1.5),
            "another instance": (self._another_instance, 1.0),
            "group rearranged": (self._rearrange, 2.0),
            "backends terminated": (self._terminate_backends, 2.0),
            "database restarted": (self._restart_database, 2.0),
            "database restored": (self._restoring.restore, 2.5),
            "broker down": (self._broker_down, 2.0),
            "topic wiped": (self._wipe, 2.0),
            "topic deleted": (self._delete, 1.0),
            "topic lost its end": (self._lose_end, 1.5),
            "topic lost its beginning": (self._lose_beginning, 1.0),
            "stale records repeated": (self._repeat_records, 1.5),
            "garbage on a log's topic": (self.forging.write_garbage, 0.8),
            "fact forged": (self.forging.forge, 0.8),
            "group stolen": (self.theft.steal, 0.8),
        }

    @property
    def findings(self) -> list[str]:
        """What happened that must never."""
        return self._restoring.findings + self.forging.findings + self.theft.findings

    def strike(self, process: Process, fault: str) -> None:
        """Kills or stops a process in the middle of its work; it comes back, or another one does."""
        service = process.name.rpartition("-")[0]
        if fault == "killed":
            process.kill()
            work = self._start_again(service)
        else:
            process.stop()
            work = self._go_on_later(process, service)
        self._struck.append(self._installation.loop.create_task(work, context=SERVER.copy()))

    async def struck_are_back(self) -> None:
        """Waits for all of them."""
        await asyncio.gather(*self._struck)

    async def _go_on_later(self, process: Process, service: str) -> None:
        if self._chance.random() < 0.5:
            self._installation.launch(service)
        await asyncio.sleep(self._stopped_seconds())
        process.go_on(self._installation.loop)

    def _stopped_seconds(self) -> float:
        """Mostly longer than a group's session, now and then longer than Postgres waits for a transaction."""
        roll = self._chance.random()
        if roll < 0.4:
            return self._chance.random()
        return self._chance.uniform(2.0, 6.0 if roll < 0.92 else STOPPED_SECONDS)

    # --- processes

    def _someone(self) -> Instance:
        everyone = [instance for service in NAMES for instance in self._installation.alive(service)]
        if not everyone:
            raise DidNotHappen
        return self._chance.choice(everyone)

    async def _kill(self) -> None:
        victim = self._someone()
        victim.process.kill()
        await self._start_again(victim.service)

    async def _kill_at_a_step(self) -> None:
        """At some await: whatever the process does between two of them is done whole."""
        victim = self._someone()
        process = victim.process
        process.dies_at = process.steps + 1 + int(self._chance.random() * STEPS_TO_DIE)
        for _ in range(20):
            await asyncio.sleep(0.1)
            if not process.alive:
                await self._start_again(victim.service)
                return
        process.dies_at = 0
        raise DidNotHappen

    async def _start_again(self, service: str) -> None:
        await asyncio.sleep(self._chance.random() * RESTART_SECONDS)
        self._installation.launch(service)

    async def _stop_for_a_while(self) -> None:
        """Its partitions and leases go to others; then it goes on as if nothing had been."""
        victim = self._someone()
        if victim.process.stopped:
            raise DidNotHappen
        victim.process.stop()
        another = self._chance.random() < 0.5
        if another:
            self._installation.launch(victim.service)
        await asyncio.sleep(self._stopped_seconds())
        victim.process.go_on(self._installation.loop)

    async def _end_politely(self) -> None:
        victim = self._someone()
        if not victim.ready:
            raise DidNotHappen
        with contextlib.suppress(OSError):
            await victim.stop()
        await self._start_again(victim.service)

    async def _another_instance(self) -> None:
        self._installation.launch(self._chance.choice(NAMES))

    # --- groups and databases

    async def _rearrange(self) -> None:
        groups = list(self._installation.broker.groups.values())
        if not groups:
            raise DidNotHappen
        self._chance.choice(groups).rearrange()

    async def _terminate_backends(self) -> None:
        database = self._some_database()
        ended = 0
        for session in list(database.sessions):
            if self._chance.random() < 0.6:
                database.end_session(session, lost_connection(self._chance))
                ended += 1
        if not ended:
            raise DidNotHappen

    async def _restart_database(self) -> None:
        database = self._some_database()
        database.down = True
        for session in list(database.sessions):
            database.end_session(session, lost_connection(self._chance))
        await asyncio.sleep(self._chance.random() * DOWN_SECONDS)
        database.down = False

    def _some_database(self) -> Database:
        return self._installation.databases[self._chance.choice(NAMES)]

    # --- the broker and its topics

    async def _broker_down(self) -> None:
        self._installation.broker.down = True
        await asyncio.sleep(self._chance.random() * DOWN_SECONDS)
        self._installation.broker.down = False

    def _some_topic(self, *others: str) -> str:
        """Never that of a log whose database an operator has restored: its topic is all that is left of its end."""
        topic = self._chance.choice((*LOGS, *LOGS, *others))
        if topic.removeprefix("rahnama.") in self._restoring.restored:
            raise DidNotHappen
        return topic

    def _lost(self, topic: str) -> None:
        if topic == "rahnama.inbound":
            self.inbound_made_anew += 1

    async def _wipe(self) -> None:
        """Deleted and made again at once."""
        topic = self._some_topic("rahnama.inbound", "rahnama.keys")
        held = any(log.records for log in self._installation.broker.topics.get(topic, ()))
        self._lost(topic)
        self._installation.broker.delete_topic(topic)
        self._installation.broker.create_topic(topic, self._installation.shape.partitions)
        if not held:
            raise DidNotHappen

    async def _delete(self) -> None:
        """The relay makes a log's topic again, intake its inbound topic."""
        topic = self._some_topic("rahnama.inbound")
        held = any(log.records for log in self._installation.broker.topics.get(topic, ()))
        self._lost(topic)
        self._installation.broker.delete_topic(topic)
        if not held:
            raise DidNotHappen

    def _some_partition(self, topic: str) -> PartitionLog:
        logs = [log for log in self._installation.broker.topics.get(topic, ()) if log.records]
        if not logs:
            raise DidNotHappen
        return self._chance.choice(logs)

    async def _lose_end(self) -> None:
        log = self._some_partition(self._some_topic("rahnama.inbound"))
        self._lost(log.topic)
        log.lose_after(log.end - 1 - int(self._chance.random() * len(log.records)))

    async def _lose_beginning(self) -> None:
        """By retention; what intake has not read of `rahnama.inbound` is never deleted."""
        log = self._some_partition(self._some_topic())
        log.delete_before(log.begin + 1 + int(self._chance.random() * len(log.records)))

    async def _repeat_records(self) -> None:
        """As a relay does that went on from an older place."""
        log = self._some_partition(self._some_topic())
        first = int(self._chance.random() * len(log.records))
        many = 1 + int(self._chance.random() * 5)
        stale = [Entry(r.key, r.value, tuple(r.headers)) for r in log.records[first : first + many]]
        self._installation.broker.append(TopicPartition(log.topic, log.number), stale)
