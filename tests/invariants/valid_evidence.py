"""Evidence of a system that did everything right, made in memory: what simulations fill in, and what tests tamper with."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from services.allocation.decide import Cause
from shared.contracts.decisions import DECISION_NAMES, StudentWaitlisted
from shared.contracts.envelope import Envelope, decode, encode, event_id, leaf_hash, rfc3339
from shared.contracts.facts import FACT_NAMES, Fact, StudentErased
from tests.chains import subject_of
from tests.invariants.chains import tree_hash
from tests.invariants.evidence import NO_HASH, Evidence, History, Inbound, Kept, Personal, Row, Sent
from tests.invariants.valid_tables import allocation_tables, intake_tables
from tests.oracle.tables import Tables

TENANT: Final = "default"
START: Final = datetime(2026, 3, 21, tzinfo=UTC)


@dataclass
class ValidLog:
    """One log of one partition, as it grows."""

    source: str
    partition: int
    kept: list[Kept] = field(default_factory=list)

    def append(self, type_name: str, subject: str, time: str, causation_id: str, data: bytes) -> Kept:
        """The next event, chained."""
        sequence = len(self.kept) + 1
        value = encode(
            Envelope(
                specversion="1.0",
                id=event_id(self.source, self.partition, sequence),
                source=f"/rahnama/{self.source}",
                type=type_name,
                subject=subject,
                time=time,
                datacontenttype="application/json",
                tenant=TENANT,
                sequence=f"{sequence:016d}",
                previous=(self.kept[-1].hash if self.kept else NO_HASH).hex(),
                causationid=causation_id,
                data=msgspec.Raw(data),
            )
        )
        self.kept.append(Kept(sequence, value, leaf_hash(value), type_name, TENANT, subject))
        return self.kept[-1]

    def history(self) -> History:
        """The same in all three places."""
        places = {self.partition: tuple(self.kept)}
        return History(self.source, places, {self.partition: [kept.value for kept in self.kept]}, places)

    def end(self) -> Row:
        """Where a reader of it stands."""
        sequence, digest = (len(self.kept), self.kept[-1].hash) if self.kept else (0, NO_HASH)
        return {"source": self.source, "partition": self.partition, "sequence": sequence, "hash": digest}

    def hashes(self) -> list[Row]:
        """Of all its events, as a reader without a ledger keeps them."""
        place = {"source": self.source, "partition": self.partition, "last": len(self.kept)}
        return [{**place, "hashes": b"".join(kept.hash for kept in self.kept)}] if self.kept else []

    def rows(self) -> list[Row]:
        """Its table."""
        return [
            {
                "partition": self.partition, "sequence": kept.sequence, "type": kept.type, "tenant": kept.tenant,
                "subject": kept.subject, "version": msgspec.json.decode(decode(kept.value).data)["version"],
                "value": kept.value, "hash": kept.hash, "causation_id": decode(kept.value).causationid,
                "traceparent": self._traceparent(kept), "recorded_at": START,
            }
            for kept in self.kept
        ]  # fmt: skip

    def head(self) -> Row:
        """Its row in `log_head`."""
        sequence, digest = (len(self.kept), self.kept[-1].hash) if self.kept else (0, NO_HASH)
        time = decode(self.kept[-1].value).time if self.kept else ""
        return {"partition": self.partition, "sequence": sequence, "hash": digest, "time": time}

    def ledger(self) -> list[Row]:
        """Its events as audit keeps them."""
        return [
            {
                "source": self.source, "partition": self.partition, "sequence": kept.sequence, "type": kept.type,
                "tenant": kept.tenant, "subject": kept.subject, "value": kept.value, "hash": kept.hash,
                "time": datetime.fromisoformat(decode(kept.value).time), "traceparent": self._traceparent(kept),
                "topic": f"rahnama.{self.source}", "kafka_offset": kept.sequence - 1, "kafka_timestamp_ms": 0,
                "recorded_at": START,
            }
            for kept in self.kept
        ]  # fmt: skip

    def _traceparent(self, kept: Kept) -> str | None:
        return f"00-{kept.sequence:032x}-{kept.sequence:016x}-01" if kept.sequence % 2 else None

    def tree(self) -> Row:
        """Audit's tree of it."""
        size, edge, start = len(self.kept), b"", 0
        for power in reversed(range(size.bit_length())):
            if size >> power & 1:
                edge += tree_hash([kept.hash for kept in self.kept[start : start + (1 << power)]])
                start += 1 << power
        return {"source": self.source, "partition": self.partition, "size": size, "edge": edge}


def valid_evidence(facts: Sequence[Fact], *, partition: int = 2) -> Evidence:
    """Everything that follows from facts of one pool, each sent once by upstream; one more event was refused."""
    intake, allocation = ValidLog("intake", partition), ValidLog("allocation", partition)
    tables = Tables(partition % 2)
    funnels: dict[tuple[int, str], Mapping[str, int]] = {}
    state = tables.restore()
    sent: list[Sent] = []
    answers: list[Row] = []
    for number, fact in enumerate(facts):
        time, key = rfc3339(START + timedelta(seconds=number)), hashlib.sha256(b"%d" % number).digest()[:16]
        subject = subject_of(fact)
        kept = intake.append(FACT_NAMES[type(fact)], subject, time, key.hex(), msgspec.json.encode(fact))
        place = {"partition": partition, "sequence": kept.sequence}
        told = {"status": "accepted", "causation_id": key.hex(), "facts": [place], "subject": subject}
        if not isinstance(fact, StudentErased):  # nobody sends it
            sent.append(Sent(key, key.hex(), subject, [told]))
            answers.append(_answer(key, "accepted", subject, [place]))
        cause = Cause(TENANT, kept.sequence, time, fact)
        for decision in tables.handle_batch(state, [cause])[0]:
            allocation.append(
                DECISION_NAMES[type(decision)], f"student/{decision.student_id}", time,
                event_id("intake", partition, kept.sequence), msgspec.json.encode(decision),
            )  # fmt: skip
            if isinstance(decision, StudentWaitlisted):
                funnels[decision.year, decision.student_id] = decision.funnel
        state.forget()
    refused = _Refused(partition)
    return Evidence(
        facts=intake.history(),
        decisions=allocation.history(),
        intake={
            **intake_tables(TENANT, partition, facts),
            "log": intake.rows(),
            "log_head": [intake.head()],
            "log_published": [intake.end()],
            "idempotency": [*answers, refused.answer],
            "rejections": refused.rejections,
            "inbound": [{"partition": partition, "next_offset": 2}],
        },
        allocation={
            **allocation_tables(tables, funnels, partition),
            "log": allocation.rows(),
            "log_head": [allocation.head()],
            "log_published": [allocation.end()],
            "inbox": [intake.end()],
            "inbox_hashes": intake.hashes(),
        },
        audit={
            "inbox": [intake.end(), allocation.end()],
            "trees": [intake.tree(), allocation.tree()],
            "ledger": [*intake.ledger(), *allocation.ledger()],
        },
        sent=[*sent, refused.sent],
        inbound=refused.inbound,
        rejected=refused.told,
        personal=Personal(["کوهستانزاد"], frozenset({b"0912123456"}), [("topic", b"nothing")]),
    )


@dataclass(frozen=True)
class _Refused:
    """A wrong event, and something that is no event at all, both over Kafka."""

    partition: int
    key: bytes = b"refused event   "

    @property
    def answer(self) -> Row:
        return _answer(self.key, "rejected", None, [], "r1")

    @property
    def sent(self) -> Sent:
        told: Row = {"status": "rejected", "causation_id": self.key.hex(), "facts": [], "subject": None}
        return Sent(self.key, self.key.hex(), None, [told])

    @property
    def inbound(self) -> list[Inbound]:
        return [Inbound(self.partition, 0, self.key), Inbound(self.partition, 1, None)]

    @property
    def rejections(self) -> list[Row]:
        return [
            {
                "rejection_id": rejection, "tenant": TENANT, "causation_id": causation, "errors": "[]",
                "door": "kafka", "inbound_partition": self.partition, "inbound_offset": offset,
            }
            for offset, (rejection, causation) in enumerate((("r1", self.key.hex()), ("r2", "00" * 16)))
        ]  # fmt: skip

    @property
    def told(self) -> list[bytes]:
        return [msgspec.json.encode({"id": row["rejection_id"]}) for row in self.rejections]


def _answer(
    key: bytes, status: str, subject: str | None, places: list[Any], rejection: str | None = None
) -> Row:
    facts = msgspec.json.encode(places).decode()
    return {"key": key, "status": status, "subject": subject, "facts": facts, "rejection_id": rejection}
