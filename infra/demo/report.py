"""The demo's last words: a page for people, and one JSON object for machines."""

from collections.abc import Sequence
from typing import Any

from infra.demo.measure import Outcome
from infra.otel.collector import CollectedSpan

HEADS_SHOWN = 6


def figures(outcome: Outcome, *, sent: int, seconds: float, trace: Sequence[CollectedSpan]) -> dict[str, Any]:
    """The JSON object of the last line. `students` are the distinct ones that intake accepted."""
    summary, report = outcome.summary, outcome.verification
    return {
        "sent": sent,
        "accepted": outcome.by_status["accepted"],
        "students": outcome.students,
        "unchanged": outcome.by_status["unchanged"],
        "duplicates": outcome.by_status["duplicate"],
        "rejected": outcome.by_status["rejected"],
        "assigned": summary["assigned"],
        "waitlisted": summary["waitlisted"],
        "seconds": round(seconds, 3),
        "students_per_second": round(outcome.students / seconds) if seconds else 0,
        "latency_ms": {
            "decision": {"p50": outcome.decision_ms[0], "p99": outcome.decision_ms[1]},
            "ledger": {"p50": outcome.ledger_ms[0], "p99": outcome.ledger_ms[1]},
        },
        "audit_records": report["records"],
        "audit_verified": bool(report["verified"]),
        "trace_services": len({span.service for span in trace}),
    }


def is_whole(result: dict[str, Any], *, wrong: int) -> bool:
    """Whether every student has an outcome, every event an answer, and the proof holds; and only those `wrong` were rejected."""
    answered = result["accepted"] + result["unchanged"] + result["duplicates"] + result["rejected"]
    return bool(
        result["students"] == result["assigned"] + result["waitlisted"]
        and result["sent"] == answered
        and result["rejected"] == wrong
        and result["audit_verified"]
        and result["trace_services"] == 3
    )


def page(result: dict[str, Any], outcome: Outcome, trace: Sequence[CollectedSpan]) -> str:
    """The report as text."""
    return "\n".join(
        [
            "",
            "Rahnama: what happened",
            "======================",
            *_counts(result, outcome),
            "",
            *_occupancy(outcome.summary["occupancy"]),
            "",
            *_speed(result, outcome.resident_mb),
            "",
            *_trace(trace),
            "",
            *_proof(outcome.verification),
            "",
        ]
    )


def _counts(result: dict[str, Any], outcome: Outcome) -> list[str]:
    rejected = ", ".join(f"{code} {count}" for code, count in outcome.rejected_by_code.items())
    waiting = ", ".join(
        f"{reason} {count}" for reason, count in outcome.summary["waitlisted_by_reason"].items()
    )
    return [
        f"events sent      {result['sent']:>8,}",
        f"  accepted       {result['accepted']:>8,}",
        f"  unchanged      {result['unchanged']:>8,}   (registered again, nothing new)",
        f"  duplicates     {result['duplicates']:>8,}   (the same event again)",
        f"  rejected       {result['rejected']:>8,}   {rejected}",
        f"students         {result['students']:>8,}",
        f"  assigned       {result['assigned']:>8,}",
        f"  waitlisted     {result['waitlisted']:>8,}   {waiting}",
    ]


def _occupancy(occupancy: dict[str, Any]) -> list[str]:
    return [
        f"mentors          {occupancy['mentors']:>8,}   {occupancy['taken']:,} of {occupancy['places']:,} places taken",
        f"  occupancy      min {occupancy['min']:.2f}, mean {occupancy['mean']:.2f},"
        f" max {occupancy['max']:.2f}, Gini {occupancy['gini']:.3f}",
    ]


def _speed(result: dict[str, Any], resident_mb: dict[str, int]) -> list[str]:
    latency = result["latency_ms"]
    return [
        f"the whole way    {result['seconds']:>8.2f} s   {result['students_per_second']:,} students a second,"
        " HTTP or Kafka to ledger",
        f"  to decision    p50 {latency['decision']['p50']:,.0f} ms, p99 {latency['decision']['p99']:,.0f} ms"
        " after acceptance, under this load",
        f"  to ledger      p50 {latency['ledger']['p50']:,.0f} ms, p99 {latency['ledger']['p99']:,.0f} ms",
        "  resident       " + ", ".join(f"{name} {size} MB" for name, size in resident_mb.items()),
    ]


def _trace(trace: Sequence[CollectedSpan]) -> list[str]:
    if not trace:
        return ["one trace        (none was collected)"]
    lines = [f"one trace        {trace[0].trace_id}"]
    lines += [f"  {span.service:<20} {span.name}" for span in trace]
    return lines


def _proof(report: dict[str, Any]) -> list[str]:
    verdict = "holds" if report["verified"] else "FAILS"
    grown = [tree for tree in report["trees"] if tree["size"]]
    lines = [
        f"the proof        {verdict}: {report['records']:,} records, every chain and tree recomputed twice"
    ]
    lines += [
        f"  {tree['source']:<10} {tree['partition']:>2}  {tree['size']:>7,} records  root {tree['root']}"
        for tree in grown[:HEADS_SHOWN]
    ]
    if report.get("first_difference"):
        lines.append(f"  first difference: {report['first_difference']}")
    return lines
