"""Every invariant finds what it looks for: each case plants one violation into valid evidence."""

from dataclasses import replace
from typing import Final

import pytest

from shared.contracts.facts import Fact, StudentErased
from tests.chains import mentor, student
from tests.invariants.every import INVARIANTS, everything_holds, violations
from tests.invariants.evidence import Evidence
from tests.invariants.valid_evidence import valid_evidence
from tests.unit.invariants.tampering import (
    Plant,
    add,
    canary,
    decision,
    forget,
    in_history,
    in_sent,
    in_table,
    moved_centre,
    nothing_left,
    other_byte,
    put,
    repeat_otherwise,
    sent_in_another_order,
    swap,
    told_otherwise,
    told_twice,
)

FACTS: Final[list[Fact]] = [
    mentor(1, capacity=2),
    mentor(2, capacity=1),
    *(student(number) for number in range(1, 6)),
    student(1, version=2, reg_status=1),
    mentor(1, capacity=2, active=False, version=2),
    mentor(3, capacity=1),
]
"""Three are placed, two wait; then mentor 1 gives two back, who wait, and mentor 3 takes one."""
ERASED: Final[list[Fact]] = [
    *FACTS,
    StudentErased(
        version=3, occurred_at=None, student_id="01890000-0000-7000-8000-000000000001", gender=0, years=[1404]
    ),
]
"""Whoever was with mentor 3 is erased, and somebody else gets the place."""


@pytest.fixture(scope="module")
def valid() -> Evidence:
    return valid_evidence(FACTS)


CASES: Final[dict[str, tuple[str, Plant, str]]] = {
    "two mentors in the table": ("I1", in_table("allocation", "enrolments", lambda rows: rows.append({**rows[0], "gender": 1})), "decided was None"),
    "the same row twice": ("I1", in_table("allocation", "enrolments", lambda rows: rows.append(rows[0])), "has the mentors"),
    "assigned again without a release": ("I1", in_history("decisions", "log", forget("released")), "without a release|who has a mentor"),
    "another mentor in the table than was decided": ("I1", in_table("allocation", "enrolments", lambda rows: add(rows, "mentor_id")), "decided was"),
    "released from another mentor": ("I1", decision("released", previous_mentor_id=77), "from another mentor"),
    "a load is too high": ("I2", in_table("allocation", "mentor_loads", lambda rows: add(rows, "load")), "stored, counted and decided"),
    "an assignment beyond the capacity": ("I2", decision("assigned", rank={"load": 2, "capacity": 2}), "counts 2|beyond 2"),
    "an assignment against a rule": ("I2", in_history("facts", "log", lambda rows: rows.__setitem__(0, replace(rows[0], value=rows[0].value.replace(b'"groups":[21]', b'"groups":[22]')))), "against .'GROUP_ALLOWED'"),
    "an assignment with a false capacity": ("I2", decision("assigned", rank={"load": 0, "capacity": 9}), "the mentor's is 2"),
    "somebody stays with a mentor against a rule": ("I2", in_history("facts", "log", lambda rows: rows.append(moved_centre(rows[-1]))), "is with mentor 3 against"),
    "counters were exchanged": ("I3", in_table("allocation", "enrolments", lambda rows: swap(rows, "counter")), "its own is"),
    "a counter was passed over": ("I3", decision("assigned", counter="043730002"), "not dense|second counter"),
    "the stored last counter is too high": ("I3", in_table("allocation", "counters", lambda rows: add(rows, "last")), "the last counters"),
    "a counter of the other gender": ("I3", decision("assigned", counter="043570001"), "not 04373"),
    "an event was never answered": ("I4", in_table("intake", "idempotency", lambda rows: rows.pop(0)), "never answered"),
    "an accepted event has two facts": ("I4", in_history("facts", "log", lambda rows: rows.append(replace(rows[-1], sequence=len(rows) + 1))), "its facts are"),
    "a fact is of nobody": ("I4", in_table("intake", "idempotency", lambda rows: put(rows, 0, facts="[]", status="unchanged")), "was answered without facts"),
    "a refused event has two rejections": ("I4", in_table("intake", "rejections", lambda rows: rows.append({**rows[0], "rejection_id": "r3"})), "it has"),
    "a refused event has none": ("I4", in_table("intake", "rejections", lambda rows: rows.pop(0)), "it has"),
    "a record that is no event was refused twice": ("I4", in_table("intake", "rejections", lambda rows: rows.append({**rows[1], "rejection_id": "r3"})), "has 2 rejections"),
    "a record that is no event was passed over": ("I4", in_table("intake", "rejections", lambda rows: rows.pop(1)), "has 0 rejections"),
    "a rejection was not told": ("I4", lambda evidence: replace(evidence, rejected=evidence.rejected[1:]), "not both kept and told"),
    "a student has no outcome": ("I4", in_table("allocation", "enrolments", lambda rows: rows.pop(0)), "no outcome"),
    "an outcome is of nobody": ("I4", in_history("facts", "log", forget("student")), "nobody whom intake enrolled|of whom there is no fact|its facts are"),
    "an accepted event is not in the log": ("I5", in_history("facts", "log", lambda rows: rows.pop()), "where the log holds nothing"),
    "an answer named another's fact": ("I5", in_sent(told_otherwise), "stands"),
    "two answers differ": ("I5", in_sent(told_twice), "and later"),
    "a fact is missing in the log": ("I6", in_history("facts", "log", lambda rows: rows.pop(1)), "stands where"),
    "the ledger has another order": ("I6", in_history("facts", "ledger", swap), "stands where"),
    "a decision was changed in the log": ("I6", in_history("decisions", "log", lambda rows: other_byte(rows, 0)), "does not continue"),
    "the topic has a hole": ("I6", in_history("facts", "topic", lambda rows: rows.pop(1)), "follows 1"),
    "a repeat on the topic differs": ("I6", in_history("facts", "topic", repeat_otherwise), "twice"),
    "a foreign record stands on the topic": ("I6", in_history("facts", "topic", lambda rows: rows.insert(1, b"{}")), "is no event"),
    "the ledger ends early": ("I6", in_history("facts", "ledger", lambda rows: rows.pop()), "'ledger'"),
    "the topic ends early": ("I6", in_history("facts", "topic", lambda rows: rows.pop()), "'topic'"),
    "the topic's last event differs": ("I6", in_history("facts", "topic", other_byte), "the topic differs"),
    "the ledger's last event differs": ("I6", in_history("facts", "ledger", other_byte), "the ledger differs"),
    "a hash is wrong": ("I6", in_history("facts", "ledger", lambda rows: rows.append(replace(rows.pop(), hash=bytes(32)))), "a wrong hash"),
    "a column differs from the event": ("I6", in_history("facts", "log", lambda rows: rows.append(replace(rows.pop(), subject="mentor/9"))), "a wrong subject"),
    "a log's head stands elsewhere": ("I6", in_table("intake", "log_head", lambda rows: put(rows, hash=bytes(32))), "the log ends at"),
    "a position is behind": ("I6", in_table("allocation", "inbox", lambda rows: add(rows, "sequence", -1)), "allocation's position"),
    "a position is missing": ("I6", in_table("audit", "inbox", nothing_left), "audit's position .* nothing"),
    "a hash of what was applied is another's": ("I6", in_table("allocation", "inbox_hashes", lambda rows: put(rows, hashes=bytes(len(rows[0]["hashes"])))), "are not the log's"),
    "hashes of what was applied are behind": ("I6", in_table("allocation", "inbox_hashes", lambda rows: add(rows, "last", -1)), "up to 9 are 10"),
    "a tree is missing": ("I6", in_table("audit", "trees", nothing_left), "is missing"),
    "more was published than there is": ("I6", in_table("intake", "log_published", lambda rows: add(rows, "sequence")), "published of"),
    "a tree has too few leaves": ("I6", in_table("audit", "trees", lambda rows: add(rows, "size", -1)), "leaves"),
    "a tree is another's": ("I6", in_table("audit", "trees", lambda rows: put(rows, edge=bytes(len(rows[0]["edge"])))), "is not the one"),
    "a projection of allocation differs": ("I7", in_table("allocation", "enrolments", lambda rows: add(rows, "reg_center")), "allocation's enrolments holds"),
    "a mentor's row differs": ("I7", in_table("allocation", "mentors", lambda rows: put(rows, groups=[1])), "allocation's mentors holds"),
    "a projection of intake differs": ("I7", in_table("intake", "student_years", lambda rows: add(rows, "group_code")), "intake's student_years holds"),
    "a row of intake is missing": ("I7", in_table("intake", "mentors", lambda rows: rows.pop()), "no row"),
    "a known student is behind": ("I7", in_table("intake", "students", lambda rows: add(rows, "version")), "intake's students holds"),
    "another decision was made": ("I7", decision("assigned", candidates=9), "a replay decides"),
    "a decision is missing": ("I7", in_history("decisions", "log", lambda rows: rows.pop()), "a replay makes"),
    "a version was passed over": ("I8", in_history("facts", "log", lambda rows: rows.pop(0)), "has the versions"),
    "versions stand in another order": ("I8", in_history("facts", "log", lambda rows: rows.insert(0, rows.pop(8))), "after"),
    "upstream's order was not kept": ("I8", in_sent(sent_in_another_order), "what was sent before it"),
    "a decision's cause is unknown": ("I8", in_history("facts", "log", lambda rows: rows.pop()), "is no fact"),
    "decisions stand in another order": ("I8", in_history("decisions", "log", lambda rows: rows.insert(0, rows.pop())), "after a decision on a later fact"),
    "a decision is on an older state": ("I8", decision("released", version=1), "the latest fact has 2"),
    "a name stands in a log": ("I9", canary("a log", "... کوهستانزاد"), "a log holds"),
    "an escaped name stands on a topic": ("I9", canary("a topic", r"\u06a9\u0648\u0647\u0633\u062a\u0627\u0646\u0632\u0627\u062f"), "a topic holds"),
    "a number stands in a table": ("I9", canary("a table", "0912123456"), "a table holds"),
}  # fmt: skip


def test_valid_evidence_holds(valid: Evidence) -> None:
    everything_holds(valid)


def test_valid_evidence_of_an_erasure_holds() -> None:
    everything_holds(valid_evidence(ERASED))


def test_a_key_that_outlives_an_erasure_is_found() -> None:
    gone = {"tenant": "default", "subject": "student/01890000-0000-7000-8000-000000000001"}
    plant = in_table("intake", "subject_keys", lambda rows: rows.append(gone))
    with pytest.raises(AssertionError, match="was erased and has a key"):
        INVARIANTS["I9"](plant(valid_evidence(ERASED)))


def test_a_fact_after_an_erasure_is_found() -> None:
    evidence = valid_evidence([*ERASED, student(1, version=4)])
    with pytest.raises(AssertionError, match="was erased with version 3, and has 4"):
        INVARIANTS["I8"](evidence)


def test_an_erasure_that_was_answered_and_is_not_in_the_log_is_found() -> None:
    told = {"student_id": "01890000-0000-7000-8000-000000000001", "facts": [{"partition": 2, "sequence": 11}]}
    INVARIANTS["I5"](replace(valid_evidence(ERASED), erased=[told]))
    with pytest.raises(AssertionError, match="and is not there"):
        INVARIANTS["I5"](replace(valid_evidence(FACTS), erased=[told]))
    nine = {**told, "facts": [{"partition": 2, "sequence": 9}]}
    with pytest.raises(AssertionError, match="where intake-02-0000000000000009 stands"):
        INVARIANTS["I5"](replace(valid_evidence(ERASED), erased=[nine]))


def test_an_erasure_that_is_not_kept_is_found() -> None:
    plant = in_table("intake", "erasures", nothing_left)
    with pytest.raises(AssertionError, match=r"intake's erasures holds .*no row"):
        INVARIANTS["I7"](plant(valid_evidence(ERASED)))


def test_a_topic_may_repeat_what_it_holds(valid: Evidence) -> None:
    everything_holds(in_history("facts", "topic", lambda rows: rows.extend(rows[1:4]))(valid))


def test_every_invariant_has_cases_and_there_are_no_others() -> None:
    assert sorted({invariant for invariant, _, _ in CASES.values()}) == sorted(INVARIANTS)
    for number, invariant in INVARIANTS.items():
        assert invariant.__name__.startswith(f"{number.lower()}_")


@pytest.mark.parametrize("case", CASES)
def test_a_planted_violation_is_found(valid: Evidence, case: str) -> None:
    invariant, plant, finding = CASES[case]
    INVARIANTS[invariant](valid)
    with pytest.raises(AssertionError, match=finding):
        INVARIANTS[invariant](plant(valid))
    assert invariant in {violation.invariant for violation in violations(plant(valid))}
