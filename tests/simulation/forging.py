"""Somebody else writes to a log's topic: garbage, or forged next events. It must be noticed, and an operator ends it.

At most once in a seed: the operator's remedy puts the readers' databases back to copies from before it.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiokafka import TopicPartition

from shared.contracts.envelope import event_id, leaf_hash
from tests.simulation.broker import Entry
from tests.simulation.installation import Installation
from tests.simulation.restoring import DidNotHappen, Restoring
from tests.simulation.tables import Snapshot

READERS: Final = {"intake": ("allocation", "audit"), "allocation": ("audit",)}
GARBAGE: Final = (b"", b"not json", b"{}", b'{"specversion":"1.0"}')
MOST_FORGED: Final = 4
ALARM_SECONDS: Final = 90.0
ASK_SECONDS: Final = 0.5
LATE_SECONDS: Final = 10.0
"""After so long no batch of a process that was killed is written any more."""


@dataclass
class Strike:
    """What was written; of forged events the first sequence, and the readers' databases as they were before."""

    source: str
    partition: int
    values: Sequence[bytes]
    sequence: int = 0
    copies: Mapping[str, Snapshot] = field(default_factory=dict)


class Forging:
    """`findings` tell of alarms that did not sound, and of those that sounded without a cause."""

    def __init__(self, installation: Installation, chance: random.Random, restoring: Restoring) -> None:
        self._installation = installation
        self._chance = chance
        self._restoring = restoring
        self._strike: Strike | None = None
        self.findings: list[str] = []

    async def write_garbage(self) -> None:
        """Bytes that are no event."""
        self._write(Strike(*self._place(), [self._chance.choice(GARBAGE)]))

    async def forge(self) -> None:
        """The events behind the log's last one, with fitting `previous`."""
        source, partition = self._place()
        tables = self._installation.databases[source].tables
        rows = [row for row in tables["log"].values() if row["partition"] == partition]
        head = max(rows, key=lambda row: int(row["sequence"]))
        first, previous = head["sequence"] + 1, head["hash"]
        values: list[bytes] = []
        for sequence in range(first, first + self._chance.randrange(1, MOST_FORGED + 1)):
            event: dict[str, Any] = msgspec.json.decode(self._chance.choice(rows)["value"])
            event |= {
                "id": event_id(source, partition, sequence),
                "sequence": f"{sequence:016d}",
                "previous": previous.hex(),
                "causationid": "f" * 32,
            }
            values.append(msgspec.json.encode(event))
            previous = leaf_hash(values[-1])
        copies = {reader: self._installation.databases[reader].copy_tables() for reader in READERS[source]}
        self._write(Strike(source, partition, values, first, copies))

    def _place(self) -> tuple[str, int]:
        """A partition with events. Raises `DidNotHappen` without one, after the first strike, and while a restored log
        depends on its topic."""
        if self._strike is not None or self._restoring.restored:
            raise DidNotHappen
        places = [
            (source, row["partition"])
            for source in READERS
            for row in self._installation.databases[source].tables["log_head"].values()
            if row["sequence"] > 0 and f"rahnama.{source}" in self._installation.broker.topics
        ]
        if not places:
            raise DidNotHappen
        return self._chance.choice(places)

    def _write(self, strike: Strike) -> None:
        self._strike = strike
        self._restoring.refused = True
        place = TopicPartition(f"rahnama.{strike.source}", strike.partition)
        self._installation.broker.given.watched = strike.values
        self._installation.broker.append(place, [Entry(None, value) for value in strike.values])

    # --- the operator

    async def remedy(self, instances: Mapping[str, int]) -> None:
        """Waits for the alarm, and does what the runbook says. Nothing else goes wrong any more."""
        strike = self._strike
        if strike is None:
            if self._installation.foreign:
                self.findings.append(f"an alarm without a foreign record: {self._installation.foreign[0]}")
            return
        if await self._alarm(strike, self._silent_relay, self._silent_at_garbage):
            self._empty(strike)
            if await self._alarm(strike, self._silent_at_the_true_event):
                await self._restore(strike, instances)

    async def _alarm(self, strike: Strike, *asked: Callable[[Strike], str | None]) -> bool:
        deadline = self._installation.loop.time() + ALARM_SECONDS
        while silent := next((who for ask in asked if (who := ask(strike)) is not None), None):
            if self._installation.loop.time() > deadline:
                place = f"{strike.source} {strike.partition}"
                self.findings.append(f"no alarm of {silent} for a foreign record on {place}")
                return False
            await asyncio.sleep(ASK_SECONDS)
        return True

    def _silent_relay(self, strike: Strike) -> str | None:
        """While the record is on the topic."""
        relays = [instance.parts.relay.ready() for instance in self._installation.alive(strike.source)]
        silent = self._stands(strike) and all(reason is None for reason in relays)
        return "the relay" if silent else None

    def _silent_at_garbage(self, strike: Strike) -> str | None:
        """Its readers stop before it, while it is on the topic."""
        if strike.copies or not self._stands(strike):
            return None
        readers = READERS[strike.source]
        return next(
            (one for one in readers if not self._held(one, strike) and not self._went_on(one, strike)), None
        )

    def _silent_at_the_true_event(self, strike: Strike) -> str | None:
        """Who applied the forged event stops at the true one; until there is one it is ahead of the topic."""
        for reader in strike.copies:
            if not self._has_applied(reader, strike):
                continue
            held = self._held(reader, strike)
            true = (
                self._installation.databases[strike.source]
                .tables["log"]
                .get((strike.partition, strike.sequence))
            )
            if true is not None and strike.sequence not in held:
                return f"{reader} at the true event"
            if true is None and not self._is_ahead(reader):
                return f"{reader} ahead of its topic"
        return None

    def _went_on(self, reader: str, strike: Strike) -> bool:
        """Whether the events behind garbage were applied by members of the group to whom it was never given.

        A topic that loses its end keeps the group's offsets. Whoever begins at one reads on behind the garbage, if the
        log was sent again meanwhile: the true events, each with its fitting `previous`.
        """
        place = TopicPartition(f"rahnama.{strike.source}", strike.partition)
        given = self._installation.broker.given
        if any(given.to(instance.process, place) for instance in self._installation.alive(reader)):
            return False
        log = self._installation.broker.partition(place)
        last = log.records[-1].value if log is not None and log.records else None
        if last is None or last in strike.values:
            return False
        rows = self._installation.databases[reader].tables["inbox"].values()
        key = (strike.source, strike.partition)
        applied = max(
            (row["sequence"] for row in rows if (row["source"], row["partition"]) == key), default=0
        )
        return bool(applied >= int(msgspec.json.decode(last)["sequence"]))

    def _held(self, reader: str, strike: Strike) -> list[int]:
        """At which sequences instances of a reader hold the partition."""
        return [
            held.sequence
            for instance in self._installation.alive(reader)
            for held in self._inbox(instance).held()
            if (held.source, held.partition) == (strike.source, strike.partition)
        ]

    def _is_ahead(self, reader: str) -> bool:
        return any(
            "topic ends at" in told
            for instance in self._installation.alive(reader)
            for told in self._inbox(instance).troubles()
        )

    def _inbox(self, instance: Any) -> Any:
        return instance.parts if instance.service == "audit" else instance.parts.inbox

    def _stands(self, strike: Strike) -> bool:
        """Whether the topic holds any of it."""
        logs = self._installation.broker.topics.get(f"rahnama.{strike.source}", [])
        return bool(logs) and any(record.value in strike.values for record in logs[strike.partition].records)

    def _has_applied(self, reader: str, strike: Strike) -> bool:
        tables, digest = self._installation.databases[reader].tables, leaf_hash(strike.values[0])
        if reader == "audit":
            return any(row["hash"] == digest for row in tables["ledger"].values())
        return any(digest in row["hashes"] for row in tables["inbox_hashes"].values())

    def _empty(self, strike: Strike) -> None:
        """`make refill`."""
        for log in self._installation.broker.topics.get(f"rahnama.{strike.source}", ()):
            if log.number == strike.partition:
                log.delete_before(log.end)

    async def _restore(self, strike: Strike, instances: Mapping[str, int]) -> None:
        for reader in strike.copies:
            for instance in self._installation.alive(reader):
                instance.process.kill()
        if strike.copies:
            await asyncio.sleep(LATE_SECONDS)
        for reader, copy in strike.copies.items():
            await self._restoring.exchange(self._installation.databases[reader], copy)
        if "allocation" in strike.copies:
            for log in self._installation.broker.topics.get("rahnama.allocation", ()):
                log.delete_before(log.end)
        for reader in strike.copies:
            for _ in range(instances[reader]):
                self._installation.launch(reader)
