"""I7: projections and decisions are a function of the facts. They are made again from nothing and compared by digest.

The replay decides with the product's own `decide`: what is judged here is that running it under fire, batch by batch
and from restored state, came to the same as running it once, undisturbed.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from services.allocation.decide import Cause, Enrolment
from shared.contracts.decisions import DECISION_NAMES, Decision, StudentWaitlisted
from shared.contracts.envelope import decode
from shared.contracts.facts import Fact, decode_fact
from tests.invariants.evidence import Event, Evidence, History, Row, told
from tests.oracle.tables import Tables

BATCH_FACTS: Final = 500

Key = tuple[Any, ...]
Rows = Mapping[Key, Mapping[str, Any]]
"""By primary key, the columns that a replay can tell."""


@dataclass
class Replayed:
    """What allocation's tables and log are after a replay; decisions as (type, subject, causation id, time, data)."""

    tables: dict[str, dict[Key, dict[str, Any]]] = field(
        default_factory=lambda: {"enrolments": {}, "mentors": {}, "mentor_loads": {}, "counters": {}}
    )
    decisions: dict[int, list[tuple[str, str, str, str, bytes]]] = field(default_factory=dict)


def i7_projections_equal_a_fresh_replay(evidence: Evidence) -> None:
    """I7: the decisions, byte for byte, and every projection, by digest, are what a replay of the facts makes."""
    replayed = replay(evidence)
    for partition in sorted({*evidence.decisions.log, *replayed.decisions}):
        _require_decisions(evidence.decisions, partition, replayed.decisions.get(partition, []))
    for table, rows in replayed.tables.items():
        _require_rows(f"allocation's {table}", rows, evidence.allocation[table], KEYS[table])
    for table, rows in intake_rows(evidence).items():
        _require_rows(f"intake's {table}", rows, evidence.intake[table], KEYS[table])


KEYS: Final[Mapping[str, Sequence[str]]] = {
    "enrolments": ("tenant", "gender", "year", "student_id"),
    "mentors": ("tenant", "mentor_id"),
    "mentor_loads": ("tenant", "year", "mentor_id"),
    "counters": ("tenant", "gender", "year"),
    "students": ("tenant", "student_id"),
    "student_years": ("tenant", "year", "student_id"),
    "managers": ("tenant", "manager_id"),
    "school_rosters": ("tenant", "year"),
    "erasures": ("tenant", "subject"),
}


def replay(evidence: Evidence) -> Replayed:
    """All partitions of the facts, each through a fresh decider and fresh tables."""
    replayed = Replayed()
    for partition, facts in told(evidence).facts.items():
        values = [kept.value for kept in evidence.facts.log[partition]]
        tables = Tables(partition % 2)
        funnels: dict[Key, Any] = {}
        state, decided = tables.restore(), replayed.decisions.setdefault(partition, [])
        for start in range(0, len(facts), BATCH_FACTS):
            batch = facts[start : start + BATCH_FACTS]
            causes = [
                Cause(fact.tenant, fact.sequence, fact.time, _fact(fact, value))
                for fact, value in zip(batch, values[start : start + BATCH_FACTS], strict=True)
            ]
            for cause, event, decisions in zip(
                causes, batch, tables.handle_batch(state, causes), strict=True
            ):
                decided += [_decided(event, decision) for decision in decisions]
                for decision in decisions:
                    if isinstance(decision, StudentWaitlisted):
                        funnels[cause.tenant, decision.year, decision.student_id] = decision.funnel
            state.forget()
        _take(replayed, partition, tables, funnels)
    return replayed


def _fact(event: Event, value: bytes) -> Fact:
    """A version that this release does not know is read as the first one: it is made by tests, and equal to it."""
    return decode_fact(f"rahnama.intake.{event.kind}.v1", decode(value).data)


def _decided(cause: Event, decision: Decision) -> tuple[str, str, str, str, bytes]:
    subject = f"student/{decision.student_id}"
    return DECISION_NAMES[type(decision)], subject, cause.id, cause.time, msgspec.json.encode(decision)


def _take(replayed: Replayed, partition: int, tables: Tables, funnels: Mapping[Key, Any]) -> None:
    gender = partition % 2
    for (tenant, year, student_id), student in tables.students.items():
        waiting = student.status == "waitlisted"
        replayed.tables["enrolments"][tenant, gender, year, student_id] = {
            **columns_of(student),
            "partition": partition,
            "funnel": funnels[tenant, year, student_id] if waiting else None,
        }
    for (tenant, mentor_id), mentor in tables.mentors.items():
        row = {name: getattr(mentor, name) for name in MENTOR_COLUMNS}
        replayed.tables["mentors"][tenant, mentor_id] = {**row, "gender": gender, "partition": partition}
    for (tenant, year, mentor_id), load in tables.loads.items():
        replayed.tables["mentor_loads"][tenant, year, mentor_id] = {"load": load, "partition": partition}
    for (tenant, year), last in tables.counters.items():
        replayed.tables["counters"][tenant, gender, year] = {"last": last, "partition": partition}


def columns_of(student: Enrolment) -> dict[str, Any]:
    """The columns that the state knows; traits are columns of their own."""
    columns = msgspec.structs.asdict(student) | msgspec.structs.asdict(student.traits)
    del columns["traits"], columns["stored"]
    return columns


MENTOR_COLUMNS: Final = (
    "version", "type", "capacity", "active", "alias_code", "manager_id", "manager_centers", "groups", "centers",
    "schools",
)  # fmt: skip


def intake_rows(evidence: Evidence) -> dict[str, dict[Key, dict[str, Any]]]:
    """Intake's projections, folded from its log: of each subject the newest version."""
    tables: dict[str, dict[Key, dict[str, Any]]] = {
        name: {}
        for name in ("students", "student_years", "mentors", "managers", "school_rosters", "erasures")
    }
    for fact in sorted(told(evidence).all_facts, key=lambda fact: int(fact.data["version"])):
        place = {"partition": fact.partition, "sequence": fact.sequence}
        data = {**fact.data, **place}
        match fact.kind:
            case "student.registered":
                years = tables["student_years"]
                key = (fact.tenant, data["year"], data["student_id"])
                years[key] = {**data, "is_withdrawn": False, **_arrivals(years.get(key, {}), fact)}
                tables["students"][fact.tenant, data["student_id"]] = {
                    "gender": data["gender"],
                    "version": data["version"],
                }
            case "student.withdrawn":
                left = tables["student_years"][fact.tenant, data["year"], data["student_id"]]
                left.update(place, version=data["version"], is_withdrawn=True)
                tables["students"][fact.tenant, data["student_id"]]["version"] = data["version"]
            case "student.erased":
                tables["erasures"][fact.tenant, fact.subject] = place
                tables["students"].pop((fact.tenant, data["student_id"]), None)
                for key in [
                    key
                    for key in tables["student_years"]
                    if (key[0], key[2]) == (fact.tenant, data["student_id"])
                ]:
                    del tables["student_years"][key]
            case "mentor.registered":
                tables["mentors"][fact.tenant, data["mentor_id"]] = data
            case "manager.registered":
                tables["managers"][fact.tenant, data["manager_id"]] = data
            case "school-roster.published":
                tables["school_rosters"][fact.tenant, data["year"]] = data
    return tables


def _arrivals(row: Row, fact: Event) -> dict[str, int | None]:
    """The sequence of the first registration in each pool."""
    names = ("arrival_female", "arrival_male")
    first = {name: row.get(name) for name in names}
    mine = names[fact.data["gender"]]
    known = first[mine]
    return {**first, mine: fact.sequence if known is None else min(known, fact.sequence)}


def _require_decisions(
    history: History, partition: int, replayed: Sequence[tuple[str, str, str, str, bytes]]
) -> None:
    kept = history.log.get(partition, ())
    for place, (row, expected) in enumerate(zip(kept, replayed, strict=False), 1):
        event = decode(row.value)
        found = (event.type, event.subject, event.causationid, event.time, bytes(event.data))
        assert found == expected, (
            f"decision {place} of partition {partition} is {found}; a replay decides {expected}"
        )
    assert len(kept) == len(replayed), (
        f"partition {partition} has {len(kept)} decisions; a replay makes {len(replayed)}"
    )


def _require_rows(what: str, replayed: Rows, rows: Iterable[Row], key: Sequence[str]) -> None:
    stored: dict[Key, Row] = {}
    for row in rows:
        place = tuple(_plain(row[column]) for column in key)
        assert place not in stored, f"{what}: two rows of {place}"
        stored[place] = row
    lines: dict[str, list[str]] = {"stored": [], "replayed": []}
    for place in sorted({*stored, *replayed}):
        mine, theirs = stored.get(place), replayed.get(place)
        columns = sorted((mine or {}).keys() & (theirs or {}).keys())
        lines["stored"].append(_line(place, mine, columns))
        lines["replayed"].append(_line(place, theirs, columns))
    if _digest(lines["stored"]) == _digest(lines["replayed"]):
        return
    for mine_line, theirs_line in zip(lines["stored"], lines["replayed"], strict=True):
        assert mine_line == theirs_line, f"{what} holds {mine_line}; a replay makes {theirs_line}"


def _line(place: Key, row: Row | None, columns: Sequence[str]) -> str:
    told_row = "no row" if row is None else {column: _plain(row[column], column) for column in columns}
    return f"{place}: {told_row}"


def _plain(value: Any, column: str = "") -> Any:
    """A value as both sides can have it: sets in order, a funnel read, an id as text."""
    if column == "funnel" and isinstance(value, str):
        return msgspec.json.decode(value)
    if isinstance(value, set | frozenset | list | tuple):
        return sorted(value)
    return value if value is None or isinstance(value, bool | int | str | dict) else str(value)


def _digest(lines: Iterable[str]) -> bytes:
    return hashlib.sha256("\n".join(lines).encode()).digest()
