"""Allocation's log and read models as a decider makes them from the facts of a partition: the naive one, or the product's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from services.allocation.decide import Cause, Enrolment
from shared.contracts.decisions import DECISION_NAMES, Decision, StudentAssigned, StudentWaitlisted
from shared.contracts.facts import Fact, MentorRegistered
from tests.invariants.columns import Key
from tests.invariants.evidence import Event
from tests.oracle.partition import NaivePartition
from tests.oracle.tables import Tables

BATCH_FACTS: Final = 500


class Partition(NamedTuple):
    """The facts of one, as events and decoded."""

    number: int
    events: Sequence[Event]
    facts: Sequence[Fact]

    @property
    def causes(self) -> list[Cause]:
        """As a decider takes them."""
        return [
            Cause(event.tenant, event.sequence, event.time, fact)
            for event, fact in zip(self.events, self.facts, strict=True)
        ]


@dataclass
class Decided:
    """Rows by table and key; decisions by partition as (type, subject, causation id, time, data)."""

    tables: dict[str, dict[Key, dict[str, Any]]] = field(
        default_factory=lambda: {"enrolments": {}, "mentors": {}, "mentor_loads": {}, "counters": {}}
    )
    decisions: dict[int, list[tuple[str, str, str, str, bytes]]] = field(default_factory=dict)

    def add(self, partition: int, cause: Event, decisions: Sequence[Decision]) -> None:
        """Keeps what a fact led to."""
        kept = self.decisions.setdefault(partition, [])
        for decision in decisions:
            subject = f"student/{decision.student_id}"
            data = msgspec.json.encode(decision)
            kept.append((DECISION_NAMES[type(decision)], subject, cause.id, cause.time, data))


def by_the_naive_oracle(decided: Decided, partition: Partition) -> None:
    """Who is where comes from the oracle's students; why and since when from its latest decision on each."""
    oracle = NaivePartition(partition.number % 2)
    latest: dict[Key, tuple[Decision, Cause]] = {}
    filled: dict[tuple[str, int, int], None] = {}
    decided.decisions.setdefault(partition.number, [])
    for event, cause in zip(partition.events, partition.causes, strict=True):
        decisions = oracle.handle(cause)
        decided.add(partition.number, event, decisions)
        for decision in decisions:
            latest[cause.tenant, decision.year, decision.student_id] = (decision, cause)
            if isinstance(decision, StudentAssigned):
                filled[cause.tenant, decision.year, decision.mentor_id] = None
        if isinstance(cause.fact, MentorRegistered):
            _keep_mentor(decided, partition.number, cause.tenant, cause.fact)
    place = {"partition": partition.number}
    for tenant, pool in oracle.pools.items():
        for student in pool.students:
            fact = student.fact
            decision, cause = latest[tenant, fact.year, fact.student_id]
            decided.tables["enrolments"][tenant, pool.gender, fact.year, fact.student_id] = {
                **{name: getattr(fact, name) for name in TRAITS},
                **place,
                "version": student.version,
                "arrival": student.arrival,
                "status": student.status,
                "mentor_id": student.mentor_id,
                "counter": pool.counters.get(fact.student_id),
                "policy": decision.policy,
                "reason": decision.reason,
                "funnel": decision.funnel if isinstance(decision, StudentWaitlisted) else None,
                "cause_sequence": cause.sequence,
                "decided_at": cause.time,
            }
        for year, mentor_id in pool.last_chosen.items():
            decided.tables["counters"][tenant, pool.gender, year] = {
                **place, "last": pool.numbers_used.get(year, 0), "last_mentor_id": mentor_id,
            }  # fmt: skip
    for tenant, year, mentor_id in filled:
        load = oracle.pool(tenant).load(mentor_id, year)
        decided.tables["mentor_loads"][tenant, year, mentor_id] = {**place, "load": load}


def _keep_mentor(decided: Decided, partition: int, tenant: str, fact: MentorRegistered) -> None:
    row = {name: getattr(fact, name) for name in MENTOR_COLUMNS}
    decided.tables["mentors"][tenant, fact.mentor_id] = {
        **row,
        "gender": partition % 2,
        "partition": partition,
    }


def by_the_product(decided: Decided, partition: Partition) -> None:
    """The product's decider over tables in memory, in large batches."""
    tables = Tables(partition.number % 2)
    funnels: dict[Key, Any] = {}
    causes, state = partition.causes, tables.restore()
    decided.decisions.setdefault(partition.number, [])
    for start in range(0, len(causes), BATCH_FACTS):
        batch = causes[start : start + BATCH_FACTS]
        events = partition.events[start : start + BATCH_FACTS]
        for cause, event, decisions in zip(batch, events, tables.handle_batch(state, batch), strict=True):
            decided.add(partition.number, event, decisions)
            for decision in decisions:
                if isinstance(decision, StudentWaitlisted):
                    funnels[cause.tenant, decision.year, decision.student_id] = decision.funnel
        state.forget()
    _take(decided, partition.number, tables, funnels)


def _take(decided: Decided, partition: int, tables: Tables, funnels: Mapping[Key, Any]) -> None:
    gender, place = partition % 2, {"partition": partition}
    for (tenant, year, student_id), student in tables.students.items():
        waiting = student.status == "waitlisted"
        decided.tables["enrolments"][tenant, gender, year, student_id] = {
            **columns_of(student),
            **place,
            "funnel": funnels[tenant, year, student_id] if waiting else None,
        }
    for (tenant, mentor_id), mentor in tables.mentors.items():
        row = {name: getattr(mentor, name) for name in MENTOR_COLUMNS}
        decided.tables["mentors"][tenant, mentor_id] = {**row, **place, "gender": gender}
    for (tenant, year, mentor_id), load in tables.loads.items():
        decided.tables["mentor_loads"][tenant, year, mentor_id] = {**place, "load": load}
    for (tenant, year), last in tables.counters.items():
        chosen = tables.last_chosen.get((tenant, year))
        decided.tables["counters"][tenant, gender, year] = {**place, "last": last, "last_mentor_id": chosen}


def columns_of(student: Enrolment) -> dict[str, Any]:
    """The columns that the state has; traits are columns of their own."""
    columns = msgspec.structs.asdict(student) | msgspec.structs.asdict(student.traits)
    del columns["traits"], columns["stored"]
    return columns


TRAITS: Final = ("edu_status", "reg_center", "reg_status", "group_code", "school_code", "student_type")
MENTOR_COLUMNS: Final = (
    "version", "type", "capacity", "active", "alias_code", "manager_id", "manager_centers", "groups", "centers",
    "schools",
)  # fmt: skip
