"""The invariants find what they look for: each case tampers with true evidence in one place."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import pytest
import pytest_asyncio

from tests.e2e import invariants
from tests.e2e.evidence import Evidence, History, Kept, gather
from tests.e2e.people import event, mentor, student
from tests.e2e.upstream import Upstream

GROUP: Final = 35
BOYS: Final = 3
"""The partition of the tenant `default`'s boys: (2 · CRC-32 + 1) mod 12."""

Tampering = Callable[[Evidence], Evidence]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def evidence(upstream: Upstream) -> Evidence:
    """True evidence, with assignments, releases and students who wait."""
    places = {"capacity": 2, "groups": [GROUP]}
    await upstream.post(
        [
            *(event("mentor.registered", f"honest {n}", mentor(3500 + n, **places)) for n in (1, 2)),
            *(
                event("student.registered", f"honest {n}", student(350_000_000 + n, group_code=GROUP))
                for n in range(3, 9)
            ),
            event("mentor.registered", "honest no more", mentor(3501, **places, active=False)),
        ]
    )
    await upstream.settle()
    return await gather(upstream.servers)


def in_place(place: str, change: Callable[[list[Any]], object], source: str = "facts") -> Tampering:
    """Changes the rows of one partition in a log, on its topic or in the ledger."""

    def tamper(evidence: Evidence) -> Evidence:
        history: History = getattr(evidence, source)
        rows = list(getattr(history, place)[BOYS])
        change(rows)
        fields: dict[str, Any] = {place: {**getattr(history, place), BOYS: rows}}
        tampered: dict[str, Any] = {source: replace(history, **fields)}
        return replace(evidence, **tampered)

    return tamper


def in_table(table: str, change: Callable[[list[dict[str, Any]]], object]) -> Tampering:
    """Changes the rows of a read model; students with a mentor come first."""

    def tamper(evidence: Evidence) -> Evidence:
        rows = [dict(row) for row in getattr(evidence, table)]
        rows.sort(key=lambda row: row.get("mentor_id") is None)
        change(rows)
        tampered: dict[str, Any] = {table: rows}
        return replace(evidence, **tampered)

    return tamper


def other_byte(rows: list[Any], at: int) -> None:
    """The same event with another version."""
    value = rows[at].value if isinstance(rows[at], Kept) else rows[at]
    changed = value.replace(b'"version":', b'"version":9')
    assert changed != value
    rows[at] = replace(rows[at], value=changed) if isinstance(rows[at], Kept) else changed


def repeat_otherwise(rows: list[Any]) -> None:
    """The first one again, with another version."""
    rows.append(rows[0])
    other_byte(rows, -1)


def forget_releases(rows: list[Any]) -> None:
    """What is left is no history: students change mentors without leaving any."""
    rows[:] = [row for row in rows if "released" not in row.type]


def swap(rows: list[Any], key: str | None = None) -> None:
    """Exchanges the first two rows, or what they hold under a key."""
    if key is None:
        rows[0], rows[1] = rows[1], rows[0]
    else:
        rows[0][key], rows[1][key] = rows[1][key], rows[0][key]


def add(rows: Sequence[dict[str, Any]], key: str) -> None:
    """One more than there is."""
    rows[0][key] += 1


CASES: Final[dict[str, tuple[str, Tampering, str]]] = {
    "a fact is missing in the log": ("dense_and_chained", in_place("log", lambda rows: rows.pop(1)), "stands where"),
    "the ledger has another order": ("dense_and_chained", in_place("ledger", swap), "stands where"),
    "a decision was changed in the log": (
        "dense_and_chained", in_place("log", lambda rows: other_byte(rows, 0), "decisions"), "does not continue",
    ),
    "the topic has a hole": ("dense_and_chained", in_place("topic", lambda rows: rows.pop(1)), "follows 1"),
    "a repeat on the topic differs": (
        "dense_and_chained", in_place("topic", repeat_otherwise), "twice",
    ),
    "the ledger ends early": ("same_bytes_everywhere", in_place("ledger", lambda rows: rows.pop()), "'ledger'"),
    "the topic ends early": ("same_bytes_everywhere", in_place("topic", lambda rows: rows.pop()), "'topic'"),
    "the topic's last event differs": (
        "same_bytes_everywhere", in_place("topic", lambda rows: other_byte(rows, -1)), "the topic differs",
    ),
    "the ledger's last event differs": (
        "same_bytes_everywhere", in_place("ledger", lambda rows: other_byte(rows, -1)), "the ledger differs",
    ),
    "a hash is wrong": (
        "same_bytes_everywhere",
        in_place("ledger", lambda rows: rows.append(replace(rows.pop(), hash=bytes(32)))), "a wrong hash",
    ),
    "a cause is unknown": ("decisions_follow_facts", in_place("log", lambda rows: rows.pop()), "is no fact"),
    "a student is lost": ("one_outcome_per_student", in_table("enrolments", lambda rows: rows.pop(0)), "no outcome"),
    "a student is unknown": (
        "one_outcome_per_student", in_table("student_years", lambda rows: rows.pop(0)), "of nobody",
    ),
    "a student has two outcomes": (
        "one_outcome_per_student", in_table("enrolments", lambda rows: rows.append(rows[0])), "known 1 times",
    ),
    "a student has another mentor": (
        "one_outcome_per_student", in_table("enrolments", lambda rows: add(rows, "mentor_id")), "decided was",
    ),
    "a load is too high": ("loads_match", in_table("mentor_loads", lambda rows: add(rows, "load")), "decided are"),
    "releases are missing": ("loads_match", in_place("log", forget_releases, "decisions"), "has a mentor"),
    "counters were exchanged": (
        "counters_dense", in_table("enrolments", lambda rows: swap(rows, "counter")), "its own is",
    ),
    "a counter was passed over": ("counters_dense", in_table("counters", lambda rows: add(rows, "last")), "the last counters"),
}  # fmt: skip


def test_true_evidence_passes(evidence: Evidence) -> None:
    invariants.everything_holds(evidence)


def test_a_topic_may_repeat_what_it_holds(evidence: Evidence) -> None:
    invariants.everything_holds(in_place("topic", lambda rows: rows.extend(rows[1:4]))(evidence))


@pytest.mark.parametrize("case", CASES)
def test_tampering_is_found(evidence: Evidence, case: str) -> None:
    invariant, tamper, finding = CASES[case]
    getattr(invariants, invariant)(evidence)
    with pytest.raises(AssertionError, match=finding):
        getattr(invariants, invariant)(tamper(evidence))
