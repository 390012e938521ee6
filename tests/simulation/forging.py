"""Somebody else writes to a log's topic: garbage, or a forged next event. It must be noticed, and an operator ends it.

At most once in a seed: the operator's remedy puts the readers' databases back to copies from before it.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition

from shared.contracts.envelope import event_id, leaf_hash
from tests.simulation.broker import Entry
from tests.simulation.restoring import Restoring
from tests.simulation.tables import Snapshot
from tests.simulation.world import World

READERS: Final = {"intake": ("allocation", "audit"), "allocation": ("audit",)}
GARBAGE: Final = (b"", b"not json", b"{}", b'{"specversion":"1.0"}')
ALARM_SECONDS: Final = 90.0
ASK_SECONDS: Final = 0.5
LATE_SECONDS: Final = 10.0
"""After so long no batch of a process that was killed is written any more."""


@dataclass
class Strike:
    """What was written, and the readers' databases as they were before, for a forged event."""

    source: str
    partition: int
    value: bytes
    copies: Mapping[str, Snapshot] = field(default_factory=dict)


class Forging:
    """`findings` tell of alarms that did not sound, and of those that sounded without a cause."""

    def __init__(self, world: World, chance: random.Random, restoring: Restoring) -> None:
        self._world = world
        self._chance = chance
        self._restoring = restoring
        self._strike: Strike | None = None
        self.findings: list[str] = []

    async def write_garbage(self) -> None:
        """Bytes that are no event."""
        if (place := self._place()) is not None:
            self._write(Strike(*place, self._chance.choice(GARBAGE)))

    async def forge(self) -> None:
        """The event behind the log's last one, with a fitting `previous`."""
        place = self._place()
        if place is None:
            return
        source, partition = place
        tables = self._world.databases[source].tables
        rows = [row for row in tables["log"].values() if row["partition"] == partition]
        head = max(rows, key=lambda row: int(row["sequence"]))
        sequence = head["sequence"] + 1
        event: dict[str, Any] = msgspec.json.decode(self._chance.choice(rows)["value"])
        event |= {
            "id": event_id(source, partition, sequence),
            "sequence": f"{sequence:016d}",
            "previous": head["hash"].hex(),
            "causationid": "f" * 32,
        }
        copies = {reader: self._world.databases[reader].copy_tables() for reader in READERS[source]}
        self._write(Strike(source, partition, msgspec.json.encode(event), copies))

    def _place(self) -> tuple[str, int] | None:
        """A partition with events; None while a restored log depends on its topic, and after the first strike."""
        if self._strike is not None or self._restoring.restored:
            return None
        places = [
            (source, row["partition"])
            for source in READERS
            for row in self._world.databases[source].tables["log_head"].values()
            if row["sequence"] > 0 and f"rahnama.{source}" in self._world.broker.topics
        ]
        return self._chance.choice(places) if places else None

    def _write(self, strike: Strike) -> None:
        self._strike = strike
        self._restoring.refused = True
        place = TopicPartition(f"rahnama.{strike.source}", strike.partition)
        self._world.broker.append(place, [Entry(None, strike.value)])

    # --- the operator

    async def remedy(self, instances: Mapping[str, int]) -> None:
        """Waits for the alarm, and does what the runbook says. Nothing else goes wrong any more."""
        strike = self._strike
        if strike is None:
            if self._world.foreign:
                self.findings.append(f"an alarm without a foreign record: {self._world.foreign[0]}")
            return
        loop = self._world.loop
        deadline = loop.time() + ALARM_SECONDS
        while (silent := self._silent(strike)) is not None:
            if loop.time() > deadline:
                self.findings.append(f"{strike.source} {strike.partition}: {silent} of a foreign record")
                return
            await asyncio.sleep(ASK_SECONDS)
        await self._restore(strike, instances)

    def _silent(self, strike: Strike) -> str | None:
        """Who should have given an alarm and has not."""
        readers = READERS[strike.source]
        if strike.value in self._values(strike):
            relays = [instance.parts.relay.ready() for instance in self._world.alive(strike.source)]
            if not any(reason is not None for reason in relays):
                return "the relay says nothing"
            must = () if strike.copies else readers
        else:
            must = tuple(reader for reader in readers if self._has_applied(reader, strike))
        for reader in must:
            if not any(self._inbox(one).troubles() for one in self._world.alive(reader)):
                return f"{reader} says nothing"
        return None

    def _inbox(self, instance: Any) -> Any:
        return instance.parts if instance.service == "audit" else instance.parts.inbox

    def _values(self, strike: Strike) -> set[bytes | None]:
        logs = self._world.broker.topics.get(f"rahnama.{strike.source}", [])
        return {record.value for record in logs[strike.partition].records} if logs else set()

    def _has_applied(self, reader: str, strike: Strike) -> bool:
        tables, digest = self._world.databases[reader].tables, leaf_hash(strike.value)
        if reader == "audit":
            return any(row["hash"] == digest for row in tables["ledger"].values())
        return any(digest in row["hashes"] for row in tables["inbox_hashes"].values())

    async def _restore(self, strike: Strike, instances: Mapping[str, int]) -> None:
        for reader in strike.copies:
            for instance in self._world.alive(reader):
                instance.process.kill()
        if strike.copies:
            await asyncio.sleep(LATE_SECONDS)
        for reader, copy in strike.copies.items():
            await self._restoring.exchange(self._world.databases[reader], copy)
        if "allocation" in strike.copies:
            for log in self._world.broker.topics.get("rahnama.allocation", ()):
                log.delete_before(log.end)
        for log in self._world.broker.topics.get(f"rahnama.{strike.source}", ()):
            if log.number == strike.partition:
                log.delete_before(log.end)
        for reader in strike.copies:
            for _ in range(instances[reader]):
                self._world.launch(reader)
