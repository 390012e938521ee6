"""I1-I3: who has whom, how full everyone is, and the counters."""

from collections import Counter
from typing import Final

from tests.invariants.evidence import Evidence
from tests.invariants.replayed import replay_evidence
from tests.invariants.rules import broken_rules

ACTIVE: Final = ("assigned", "waitlisted")


def i1_one_assignment_per_student_and_year(evidence: Evidence) -> None:
    """I1: a student has at most one mentor in a year, over both pools; the table says what was decided."""
    replayed = replay_evidence(evidence)
    replayed.require_none("I1")
    stored: dict[tuple[str, int, str], list[int]] = {}
    for row in evidence.allocation["enrolments"]:
        pool = (row["tenant"], row["gender"], row["year"], str(row["student_id"]))
        if row["status"] == "assigned":
            stored.setdefault((row["tenant"], row["year"], str(row["student_id"])), []).append(
                row["mentor_id"]
            )
        decided = replayed.outcomes.get(pool)
        assert (row["status"], row["mentor_id"]) == decided, (
            f"{pool} is {row['status']}, {row['mentor_id']}; decided was {decided}"
        )
    decided_mentors: dict[tuple[str, int, str], list[int | None]] = {}
    for (tenant, _, year, student_id), (status, mentor_id) in replayed.outcomes.items():
        if status == "assigned":
            decided_mentors.setdefault((tenant, year, student_id), []).append(mentor_id)
    for told, mentors in (("stored", stored), ("decided", decided_mentors)):
        for student, theirs in mentors.items():
            assert len(theirs) == 1, f"{student} has the mentors {theirs}, as {told}"


def i2_loads_are_counts_within_capacity_and_rules(evidence: Evidence) -> None:
    """I2: a load is the number of assignments; nobody was assigned above capacity or against a rule, nor stays so."""
    replayed = replay_evidence(evidence)
    replayed.require_none("I2")
    stored = Counter(
        {
            (row["tenant"], row["year"], row["mentor_id"]): row["load"]
            for row in evidence.allocation["mentor_loads"]
        }
    )
    counted = Counter(
        (row["tenant"], row["year"], row["mentor_id"])
        for row in evidence.allocation["enrolments"]
        if row["status"] == "assigned"
    )
    for mentor in sorted({*stored, *counted, *replayed.loads}):
        loads = (stored[mentor], counted[mentor], replayed.loads[mentor])
        assert len(set(loads)) == 1, f"{mentor}: stored, counted and decided are {loads}"
    for student, (status, mentor_id) in replayed.outcomes.items():
        if status == "assigned" and mentor_id is not None:
            fact, data = replayed.students.get(student), replayed.mentors.get((student[0], mentor_id))
            assert fact is not None, f"{student} has left the pool, and still has mentor {mentor_id}"
            assert data is not None, f"{student} has the mentor {mentor_id}, of whom there is no fact"
            broken = broken_rules(fact, data)
            assert not broken, f"{student} is with mentor {mentor_id} against {broken}"


def i3_counters_unique_and_dense(evidence: Evidence) -> None:
    """I3: per tenant, year and gender 0001, 0002 … in the order of the decisions; one owner each, for life."""
    replayed = replay_evidence(evidence)
    replayed.require_none("I3")
    for pool, numbers in replayed.numbers.items():
        assert numbers == list(range(1, len(numbers) + 1)), f"{pool}: not dense: … {numbers[-20:]}"
    stored = {
        (row["tenant"], row["year"], row["gender"]): row["last"]
        for row in evidence.allocation["counters"]
        if row["last"]
    }
    given = {pool: len(numbers) for pool, numbers in replayed.numbers.items()}
    assert stored == given, f"the last counters are stored as {stored}; given were {given}"
    owners: dict[tuple[str, str], str] = {}
    for row in evidence.allocation["enrolments"]:
        student_id, counter = str(row["student_id"]), row["counter"]
        own = replayed.counters.get((row["tenant"], row["gender"], student_id))
        assert counter == own, f"{student_id} has the counter {counter}; its own is {own}"
        if counter is not None:
            owner = owners.setdefault((row["tenant"], counter), student_id)
            assert owner == student_id, f"{owner} and {student_id} share the counter {counter}"
