"""One seed: an installation, a cohort, faults for a while, quiet, and then the checks."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any, Final

from infra.services import NAMES
from services.intake.crypto.key_record import record_key
from shared.contracts.envelope import decode
from tests.simulation.checks import broken, evidence_of
from tests.simulation.faults import Faults
from tests.simulation.installation import Installation, Shape
from tests.simulation.loop import SimulatedLoop
from tests.simulation.people import Cohort, numbers_of
from tests.simulation.upstream import Message, Upstream

QUIET_SECONDS: Final = 300.0
LOOK_SECONDS: Final = 0.5
RESEND_SECONDS: Final = 8.0


@dataclass
class Outcome:
    """What a seed came to. `digest` names its whole course."""

    seed: int
    failures: list[str] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    missed: dict[str, int] = field(default_factory=dict)
    """Faults that found nothing to break."""
    steps: int = 0
    seconds: float = 0.0
    digest: str = ""


class Scenario:
    """The course of one seed."""

    def __init__(self, loop: SimulatedLoop, seed: int, *, faults: bool = True) -> None:
        self.chance = random.Random(f"scenario {seed}")
        self.shape = _shape(self.chance)
        self.installation = Installation(loop, self.shape, seed)
        self.faults = Faults(self.installation, random.Random(f"faults {seed}"), enabled=faults)
        self.upstream = Upstream(self.installation, random.Random(f"upstream {seed}"))
        cohort = Cohort(random.Random(f"cohort {seed}"))
        self.lanes = cohort.lanes(self.chance.randrange(8, 25), lanes=self.chance.randrange(2, 5))

    async def run(self) -> list[str]:
        """What does not hold in the end."""
        for service in NAMES:
            for _ in range(self.shape.instances[service]):
                self.installation.launch(service)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.faults.run(self.shape))
            for _ in range(self.chance.choice((0, 0, 1, 2))):
                group.create_task(self.upstream.erase())
            for lane in self.lanes:
                if self.chance.random() < 0.5:
                    group.create_task(self.upstream.send_over_http(lane))
                else:
                    partition = self.chance.randrange(self.shape.partitions)
                    group.create_task(self.upstream.send_over_kafka(lane, partition))
        self.upstream.keeps_order = self.faults.inbound_made_anew == 0
        if self.faults.findings:
            return self.faults.findings
        waits_for = await self._until_quiet()
        if waits_for is not None:
            return [f"not quiet after {QUIET_SECONDS} s: {waits_for}"]
        evidence = evidence_of(
            self.installation,
            self.upstream,
            self._keyring,
            numbers_of(self.lanes),
            self.faults.inbound_made_anew,
        )
        return broken(evidence)

    @property
    def _keyring(self) -> Any:
        return self.installation.alive("intake")[0].parts.keyring

    async def _until_quiet(self) -> str | None:
        """None when everything has come to its end; else what is still waited for."""
        loop = self.installation.loop
        deadline, resend_at = loop.time() + QUIET_SECONDS, loop.time() + RESEND_SECONDS
        while (waits_for := self._waits_for()) is not None:
            if loop.time() > deadline:
                return waits_for
            if loop.time() > resend_at and (lost := self._unanswered()):
                await self.upstream.send_again(lost)
                resend_at = loop.time() + RESEND_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
        return None

    def _unanswered(self) -> list[Message]:
        answered = self.installation.databases["intake"].tables["idempotency"]
        found = []
        for message in self.upstream.messages:
            key = self.upstream.keys_of(message, self._keyring) if message.offsets else None
            if key is not None and (key,) not in answered:
                found.append(message)
        return found

    def _waits_for(self) -> str | None:
        for service in NAMES:
            if not all(instance.ready for instance in self.installation.alive(service)):
                return f"{service} to start"
            if (reason := self._distrust(service)) is not None:
                return f"the relay of {service} to be ready: {reason}"
        if lost := self._unanswered():
            return f"answers to {len(lost)} events"
        tables = {service: database.tables for service, database in self.installation.databases.items()}
        if (inbound := self.installation.broker.topics.get("rahnama.inbound")) is None:
            return "intake to create rahnama.inbound again"
        for partition, log in enumerate(inbound):
            if log.records and tables["intake"]["inbound"][partition,]["next_offset"] != log.end:
                return f"intake to read rahnama.inbound {partition} to its end"
        heads = {
            source: {row["partition"]: row["sequence"] for row in tables[source]["log_head"].values()}
            for source in ("intake", "allocation")
        }
        for source, sequences in heads.items():
            for partition, sequence in sequences.items():
                if sequence > 0 and self._published(source, partition) < sequence:
                    return f"{source} to publish partition {partition} to {sequence}"
                if sequence > 0 and not self._is_in_order(source, partition):
                    return f"{source} to fill partition {partition} again"
        for service in ("allocation", "audit"):
            for row in tables[service]["inbox"].values():
                if row["sequence"] != heads[row["source"]][row["partition"]]:
                    return f"{service} to read {row['source']} {row['partition']}, which it has to {row['sequence']}"
        if not all(row["published"] for row in tables["intake"]["rejections"].values()):
            return "rejections to be told"
        return self._missing_keys()

    def _missing_keys(self) -> str | None:
        """Everyone who has a key has a record of it on `rahnama.keys`, and who has none any more a tombstone."""
        keyring, tables = self._keyring, self.installation.databases["intake"].tables
        records = [
            record
            for log in self.installation.broker.topics.get("rahnama.keys", ())
            for record in log.records
        ]
        latest = {(record.partition, record.key): record.value for record in records}
        kept = {key for (_, key), value in latest.items() if value is not None}
        wanted = {
            record_key(keyring, row["tenant"], row["subject"]) for row in tables["subject_keys"].values()
        }
        if missing := wanted - kept:
            return f"{len(missing)} keys on rahnama.keys"
        if forgotten := kept - wanted:
            return f"{len(forgotten)} tombstones on rahnama.keys"
        return None

    def _distrust(self, service: str) -> str | None:
        """Why a relay reports a closed gate or a foreign record."""
        if service == "audit":
            return None
        reasons = (instance.parts.relay.ready() for instance in self.installation.alive(service))
        return next((reason for reason in reasons if reason is not None), None)

    def _is_in_order(self, source: str, partition: int) -> bool:
        """Whether no sequence comes before one that is smaller and was not there yet."""
        reached = 0
        for record in self.installation.broker.topics[f"rahnama.{source}"][partition].records:
            sequence = int(decode(record.value or b"").sequence)
            if sequence > reached + 1:
                return False
            reached = max(reached, sequence)
        return True

    def _published(self, source: str, partition: int) -> int:
        logs = self.installation.broker.topics.get(f"rahnama.{source}", [])
        return len({record.value for record in logs[partition].records}) if partition < len(logs) else 0


def _shape(chance: random.Random) -> Shape:
    return Shape(
        partitions=chance.choice((2, 2, 4)),
        instances={service: 1 + (chance.random() < 0.35) for service in NAMES},
        batch_records=chance.choice((3, 10, 2000)),
        in_flight=chance.choice((1, 1, 2)),
        poll_seconds=4.0,
        session_seconds=2.0,
    )
