"""The read models of valid evidence, written row by row as the services would."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from shared.contracts.facts import (
    Fact,
    ManagerRegistered,
    MentorRegistered,
    SchoolRosterPublished,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
)
from tests.invariants.columns import columns_of_table
from tests.invariants.decided import MENTOR_COLUMNS, columns_of
from tests.invariants.evidence import Row
from tests.oracle.tables import Tables

ARRIVALS = ("arrival_female", "arrival_male")


class HonestIntake:
    """Intake's read models of one partition, fact by fact."""

    def __init__(self, tenant: str, partition: int) -> None:
        self._place = {"tenant": tenant, "partition": partition}
        self.students: dict[str, Row] = {}
        self.years: dict[tuple[int, str], Row] = {}
        self.others: dict[str, dict[int, Row]] = {"mentors": {}, "managers": {}, "school_rosters": {}}
        self.erasures: list[Row] = []
        self.keys: dict[str, Row] = {}

    def take(self, sequence: int, fact: Fact) -> None:
        """What a fact does to the tables."""
        row = {**msgspec.to_builtins(fact), **self._place, "sequence": sequence}
        match fact:
            case StudentRegistered():
                known = self.years.get((fact.year, fact.student_id), dict.fromkeys(ARRIVALS))
                arrival = ARRIVALS[fact.gender]
                first = {name: known[name] for name in ARRIVALS}
                first[arrival] = first[arrival] or sequence
                self.years[fact.year, fact.student_id] = {**row, **first, "is_withdrawn": False}
                self.students[fact.student_id] = row
                self._key(f"student/{fact.student_id}")
            case StudentWithdrawnFact():
                place = {name: row[name] for name in ("partition", "sequence", "version")}
                key = (fact.year, fact.student_id)
                self.years[key] = {**self.years[key], **place, "is_withdrawn": True}
                known = self.students[fact.student_id]
                self.students[fact.student_id] = {**known, "version": fact.version}
            case StudentErased():
                subject = f"student/{fact.student_id}"
                self.erasures.append({**row, "subject": subject})
                del self.students[fact.student_id], self.keys[subject]
                self.years = {key: year for key, year in self.years.items() if key[1] != fact.student_id}
            case MentorRegistered():
                self.others["mentors"][fact.mentor_id] = row
                self._key(f"mentor/{fact.mentor_id}")
            case ManagerRegistered():
                self.others["managers"][fact.manager_id] = row
                self._key(f"manager/{fact.manager_id}")
            case SchoolRosterPublished():
                self.others["school_rosters"][fact.year] = row

    def _key(self, subject: str) -> None:
        self.keys[subject] = {"tenant": self._place["tenant"], "subject": subject}

    def tables(self) -> dict[str, list[Row]]:
        """With exactly the columns that there are."""
        found = {
            "students": list(self.students.values()),
            "student_years": list(self.years.values()),
            **{name: list(rows.values()) for name, rows in self.others.items()},
            "erasures": self.erasures,
            "subject_keys": list(self.keys.values()),
        }
        return {name: [_complete("intake", name, row) for row in rows] for name, rows in found.items()}


def _complete(service: str, table: str, row: Row) -> Row:
    return {column: row.get(column) for column in columns_of_table(service, table)}


def intake_tables(tenant: str, partition: int, facts: Sequence[Fact]) -> dict[str, list[Row]]:
    """All facts of a partition, in their order."""
    intake = HonestIntake(tenant, partition)
    for sequence, fact in enumerate(facts, 1):
        intake.take(sequence, fact)
    return intake.tables()


def allocation_tables(
    tables: Tables, funnels: Mapping[tuple[int, str], Mapping[str, int]], partition: int
) -> dict[str, list[Row]]:
    """What the product's decider has left in its tables."""
    pool: dict[str, Any] = {"gender": partition % 2, "partition": partition}
    return {
        "enrolments": [
            {
                **columns_of(row),
                **pool,
                "funnel": funnels[row.year, row.student_id] if row.status == "waitlisted" else None,
            }
            for row in tables.students.values()
        ],
        "mentors": [
            {**{name: getattr(mentor, name) for name in MENTOR_COLUMNS}, "tenant": tenant, "mentor_id": mentor_id, **pool}
            for (tenant, mentor_id), mentor in tables.mentors.items()
        ],
        "mentor_loads": [
            {"tenant": tenant, "year": year, "mentor_id": mentor_id, "partition": partition, "load": load}
            for (tenant, year, mentor_id), load in tables.loads.items()
        ],
        "counters": [
            {"tenant": tenant, "year": year, "last": last, "last_mentor_id": tables.last_chosen.get((tenant, year)), **pool}
            for (tenant, year), last in tables.counters.items()
        ],
    }  # fmt: skip
