"""Chained events as intake would have written them, for tests that feed a consumer without running intake."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from shared.contracts.envelope import NO_HASH, Envelope, decode, encode, event_id, leaf_hash, rfc3339
from shared.contracts.facts import (
    FACT_NAMES,
    Fact,
    ManagerRegistered,
    MentorRegistered,
    SchoolRosterPublished,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
)
from shared.contracts.partitions import pool_partition
from shared.inbox.positions import PartitionState, Received, S, Slice

START = datetime(2026, 3, 21, tzinfo=UTC)


@dataclass
class Chain:
    """One partition of a log in memory: dense sequences, each event with the hash of the one before."""

    source: str
    partition: int
    values: list[bytes] = field(default_factory=list)

    def add(self, type_name: str, subject: str, data: bytes, tenant: str = "default") -> bytes:
        """Appends an event and returns its bytes."""
        sequence = len(self.values) + 1
        value = encode(
            Envelope(
                specversion="1.0",
                id=event_id(self.source, self.partition, sequence),
                source=f"/rahnama/{self.source}",
                type=type_name,
                subject=subject,
                time=rfc3339(START + timedelta(milliseconds=sequence)),
                datacontenttype="application/json",
                tenant=tenant,
                sequence=f"{sequence:016d}",
                previous=(leaf_hash(self.values[-1]) if self.values else NO_HASH).hex(),
                causationid=f"{sequence:032x}",
                data=msgspec.Raw(data),
            )
        )
        self.values.append(value)
        return value

    def add_fact(self, fact: Fact, tenant: str = "default") -> bytes:
        """Appends a fact under its own subject."""
        return self.add(FACT_NAMES[type(fact)], subject_of(fact), msgspec.json.encode(fact), tenant)

    def received(self, first: int, last: int) -> list[Received]:
        """The records `first` to `last` (sequences) as they come from Kafka."""
        return [
            Received(
                offset=sequence - 1,
                timestamp_ms=0,
                value=value,
                envelope=decode(value),
                sequence=sequence,
                hash=leaf_hash(value),
                traceparent=None,
            )
            for sequence, value in enumerate(self.values[first - 1 : last], start=first)
        ]

    def slice(self, state: S, last: int) -> Slice[S]:
        """What follows a state's position, up to sequence `last`."""
        first = state.position.sequence + 1
        return Slice(self.source, f"rahnama.{self.source}", self.partition, state, self.received(first, last))


def subject_of(fact: Fact) -> str:
    """The subject under which intake appends a fact."""
    match fact:
        case StudentRegistered() | StudentWithdrawnFact() | StudentErased():
            return f"student/{fact.student_id}"
        case MentorRegistered():
            return f"mentor/{fact.mentor_id}"
        case ManagerRegistered():
            return f"manager/{fact.manager_id}"
        case SchoolRosterPublished():
            return f"school-roster/{fact.year}"


def student(number: int, **changes: object) -> StudentRegistered:
    """A studying girl of group 21 at centre 0; change what the test is about."""
    facts: dict[str, object] = {
        "version": 1, "occurred_at": None, "year": 1404, "student_id": f"01890000-0000-7000-8000-{number:012d}",
        "gender": 0, "edu_status": 1, "reg_center": 0, "reg_status": 0, "group_code": 21, "school_code": None,
        "student_type": 0, "sealed": "",
    }  # fmt: skip
    return StudentRegistered(**{**facts, **changes})  # type: ignore[arg-type]


def mentor(mentor_id: int, **changes: object) -> MentorRegistered:
    """A woman who takes two students of group 21 at centre 0; change what the test is about."""
    facts: dict[str, object] = {
        "version": 1, "occurred_at": None, "mentor_id": mentor_id, "gender": 0, "type": "normal", "capacity": 2,
        "active": True, "alias_code": None, "manager_id": None, "manager_centers": None, "groups": [21],
        "centers": [0], "schools": [], "sealed": "",
    }  # fmt: skip
    return MentorRegistered(**{**facts, **changes})  # type: ignore[arg-type]


def partition_of(tenant: str, gender: int, count: int = 12) -> int:
    """Where a pool's events stand."""
    return pool_partition(tenant, gender, count)


__all__ = ["Chain", "PartitionState", "mentor", "partition_of", "student", "subject_of"]
