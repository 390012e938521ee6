"""The demo's last line: one JSON object, always with the same keys."""

import json

from infra.demo.measure import Outcome
from infra.demo.report import figures, is_whole, page
from infra.otel.collector import CollectedSpan

KEYS = [
    "sent", "accepted", "students", "unchanged", "duplicates", "rejected", "assigned", "waitlisted", "seconds",
    "students_per_second", "latency_ms", "audit_records", "audit_verified", "trace_services",
]  # fmt: skip


def an_outcome() -> Outcome:
    return Outcome(
        by_status={"accepted": 12, "unchanged": 1, "duplicate": 2, "rejected": 1},
        students=10,
        rejected_by_code={"MOBILE_INVALID": 1},
        resident_mb={"intake": 108},
        summary={
            "students": 10,
            "assigned": 8,
            "waitlisted": 2,
            "waitlisted_by_reason": {"CAPACITY_AVAILABLE": 2},
            "occupancy": {
                "mentors": 2,
                "places": 9,
                "taken": 8,
                "min": 0.5,
                "mean": 0.75,
                "max": 1.0,
                "gini": 0.1,
            },
        },
        decision_ms=(10.0, 20.0),
        ledger_ms=(15.0, 30.0),
        verification={
            "verified": True,
            "records": 22,
            "trees": [{"source": "intake", "partition": 3, "size": 12, "root": "ab" * 32}],
            "first_difference": None,
        },
    )


def a_span(service: str, name: str) -> CollectedSpan:
    return CollectedSpan(service, name, "cd" * 16, "ef" * 8, "", "CONSUMER", {}, 1, 2, False, ())


TRACE = [a_span("intake", "POST /v1/events"), a_span("intake", "append student.registered"),
         a_span("allocation", "process rahnama.intake"), a_span("audit", "process rahnama.allocation")]  # fmt: skip


def test_the_last_line_has_its_keys_and_plain_values() -> None:
    result = json.loads(json.dumps(figures(an_outcome(), sent=16, seconds=2.0, trace=TRACE)))
    assert list(result) == KEYS
    assert (result["students"], result["duplicates"], result["students_per_second"]) == (10, 2, 5)
    assert (result["audit_verified"], result["audit_records"]) == (True, 22)
    assert result["trace_services"] == 3
    assert result["latency_ms"] == {
        "decision": {"p50": 10.0, "p99": 20.0},
        "ledger": {"p50": 15.0, "p99": 30.0},
    }


def test_the_page_tells_codes_reasons_occupancy_trace_and_tree_heads() -> None:
    outcome = an_outcome()
    shown = page(figures(outcome, sent=16, seconds=2.0, trace=TRACE), outcome, TRACE)
    for words in (
        "MOBILE_INVALID 1", "CAPACITY_AVAILABLE 2", "min 0.50, mean 0.75, max 1.00, Gini 0.100", "5 students a second",
        "intake 108 MB", "p50 10 ms, p99 20 ms", "p50 15 ms, p99 30 ms", TRACE[0].trace_id, "append student.registered",
        "holds: 22 records", f"root {'ab' * 32}",
    ):  # fmt: skip
        assert words in shown


def test_a_student_whom_allocation_does_not_know_fails_the_demo() -> None:
    outcome = an_outcome()
    assert is_whole(figures(outcome, sent=16, seconds=2.0, trace=TRACE), wrong=1)
    outcome.students += 1
    assert not is_whole(figures(outcome, sent=16, seconds=2.0, trace=TRACE), wrong=1)
