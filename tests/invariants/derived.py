"""Intake's read models and audit's ledger, derived from the logs: of each subject the newest version."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tests.invariants.columns import KEYS, Key
from tests.invariants.evidence import Event, Evidence, Row, told

Tables = dict[str, dict[Key, dict[str, Any]]]


def intake_rows(evidence: Evidence) -> Tables:
    """Folded from intake's log."""
    tables: Tables = {name: {} for name in KEYS["intake"]}
    for fact in sorted(told(evidence).all_facts, key=lambda fact: int(fact.data["version"])):
        if fact.kind.startswith("student."):
            _take_student(tables, fact)
        else:
            _take_other(tables, fact)
    return tables


def _take_student(tables: Tables, fact: Event) -> None:
    data, place = fact.data, {"partition": fact.partition, "sequence": fact.sequence}
    years, student = tables["student_years"], (fact.tenant, data["student_id"])
    match fact.kind:
        case "student.registered":
            key = (fact.tenant, data["year"], data["student_id"])
            arrivals = _arrivals(years.get(key, {}), fact)
            years[key] = {**data, **place, "is_withdrawn": False, **arrivals}
            tables["students"][student] = {"gender": data["gender"], "version": data["version"]}
            tables["subject_keys"][fact.tenant, fact.subject] = {}
        case "student.withdrawn":
            left = years[fact.tenant, data["year"], data["student_id"]]
            left.update(place, version=data["version"], is_withdrawn=True)
            tables["students"][student]["version"] = data["version"]
        case "student.erased":
            tables["erasures"][fact.tenant, fact.subject] = place
            tables["students"].pop(student, None)
            tables["subject_keys"].pop((fact.tenant, fact.subject), None)
            for key in [key for key in years if (key[0], key[2]) == student]:
                del years[key]


def _take_other(tables: Tables, fact: Event) -> None:
    data = {**fact.data, "partition": fact.partition, "sequence": fact.sequence}
    match fact.kind:
        case "mentor.registered":
            tables["mentors"][fact.tenant, data["mentor_id"]] = data
            tables["subject_keys"][fact.tenant, fact.subject] = {}
        case "manager.registered":
            tables["managers"][fact.tenant, data["manager_id"]] = data
            tables["subject_keys"][fact.tenant, fact.subject] = {}
        case "school-roster.published":
            tables["school_rosters"][fact.tenant, data["year"]] = data


def _arrivals(row: Row, fact: Event) -> dict[str, int | None]:
    """The sequence of the first registration in each pool."""
    names = ("arrival_female", "arrival_male")
    first = {name: row.get(name) for name in names}
    mine = names[fact.data["gender"]]
    known = first[mine]
    return {**first, mine: fact.sequence if known is None else min(known, fact.sequence)}


def ledger_rows(evidence: Evidence) -> dict[Key, Mapping[str, Any]]:
    """Every event of both logs, as audit keeps it."""
    read = told(evidence)
    logs = (
        (evidence.facts, read.facts, evidence.intake["log"]),
        (evidence.decisions, read.decisions, evidence.allocation["log"]),
    )
    rows: dict[Key, Mapping[str, Any]] = {}
    for history, events, log in logs:
        traced = {(row["partition"], row["sequence"]): row["traceparent"] for row in log}
        for partition, kept in history.log.items():
            for each, event in zip(kept, events[partition], strict=True):
                rows[history.source, partition, each.sequence] = {
                    "type": each.type,
                    "tenant": each.tenant,
                    "subject": each.subject,
                    "time": datetime.fromisoformat(event.time),
                    "value": each.value,
                    "hash": each.hash,
                    "traceparent": traced[partition, each.sequence],
                    "topic": f"rahnama.{history.source}",
                }
    return rows
