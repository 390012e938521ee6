"""The pure part: percentiles, rates, the shape of a report, and what is to be reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any, Final, Literal

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C; by then everything is stopped."""

Figures = dict[str, Any]
"""What a benchmark has found: numbers by name, units last; nested where there are several runs."""


class CheckFailed(AssertionError):
    """A benchmark's own result is wrong, so its figures mean nothing."""


def require(holds: bool, what: str) -> None:
    """Raises `CheckFailed` unless it holds."""
    if not holds:
        raise CheckFailed(what)


def require_equal(found: object, wanted: object, what: str) -> None:
    """The same for two values, and tells both."""
    require(found == wanted, f"{what}: {found}, not {wanted}")


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest of the values that at least `percent` of them do not exceed (nearest rank)."""
    if not values or not 0 < percent <= 100:
        raise ValueError("a percentile needs values, and a percent above 0 and up to 100")
    return sorted(values)[ceil(percent / 100 * len(values)) - 1]


def spread(values: Sequence[float], digits: int = 1) -> dict[str, float]:
    """`{"p50": …, "p99": …, "max": …, "count": …}`; empty for no values."""
    if not values:
        return {}
    return {
        "p50": round(percentile(values, 50), digits),
        "p99": round(percentile(values, 99), digits),
        "max": round(max(values), digits),
        "count": len(values),
    }


@dataclass(frozen=True, slots=True)
class Transaction:
    """Rows that were committed together, and when the first and the last of them were written."""

    rows: int
    first: datetime
    last: datetime


def steady_rate(transactions: Sequence[Transaction]) -> float:
    """Rows a second from the end of the first transaction to the end of the last: whole cycles, no start-up."""
    ordered = sorted(transactions, key=lambda transaction: transaction.last)
    if len(ordered) < 2:
        raise ValueError("a rate needs two transactions")
    seconds = (ordered[-1].last - ordered[0].last).total_seconds()
    if seconds <= 0:
        raise ValueError("the transactions ended at the same moment")
    return sum(transaction.rows for transaction in ordered[1:]) / seconds


def per_thousand(cpu_seconds: Mapping[str, float], count: int) -> dict[str, float]:
    """Milliseconds of CPU per 1,000, by part, with their `sum` (without the sender, which is no part of the system)."""
    each = {part: round(seconds * 1e6 / count, 1) for part, seconds in cpu_seconds.items()}
    return {**each, "sum": round(sum(cost for part, cost in each.items() if part != "sender"), 1)}


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that is to be reached. `path` leads to it: benchmark, then names, joined by dots."""

    path: str
    relation: Literal["at least", "at most"]
    value: float
    unit: str
    work: bool = False
    """Whether it is work of the CPU, or a rate that is bounded by it: it changes with the machine's pace."""
    label: str = ""
    """What it measures, in the tables of the README and docs/benchmarks.md; targets of one label share a row."""

    def is_met_by(self, figure: float) -> bool:
        """Whether it is reached."""
        return figure >= self.value if self.relation == "at least" else figure <= self.value


TARGETS = (
    Target(
        "engine.2000.decisions_per_second",
        "at least",
        100_000,
        "decisions/s",
        work=True,
        label="decisions of one process, without I/O, at 2,000 mentors",
    ),
    Target(
        "intake.students_per_second",
        "at least",
        9_000,
        "students/s",
        work=True,
        label="intake alone, batches over HTTP",
    ),
    Target(
        "allocation.students_per_second",
        "at least",
        10_000,
        "students/s",
        work=True,
        label="allocation alone",
    ),
    Target("audit.records_per_second", "at least", 20_000, "records/s", work=True, label="audit alone"),
    Target(
        "whole.100000.students_per_second",
        "at least",
        5_000,
        "students/s",
        work=True,
        label="HTTP to ledger, 100,000 students in batches of 500",
    ),
    Target(
        "whole.100000.cpu_ms_per_1000.sum",
        "at most",
        350,
        "ms of CPU per 1,000 students",
        work=True,
        label="CPU of the services, PostgreSQL and Kafka for them, without the sender",
    ),
    Target(
        "whole.100000.peak_mb.intake",
        "at most",
        150,
        "MB",
        label="memory at most for 100,000 students: intake, allocation, audit",
    ),
    Target(
        "whole.100000.peak_mb.allocation",
        "at most",
        150,
        "MB",
        label="memory at most for 100,000 students: intake, allocation, audit",
    ),
    Target(
        "whole.100000.peak_mb.audit",
        "at most",
        150,
        "MB",
        label="memory at most for 100,000 students: intake, allocation, audit",
    ),
    Target(
        "whole.300000.peak_mb.intake",
        "at most",
        150,
        "MB",
        label="memory at most for 300,000 students: intake, allocation, audit",
    ),
    Target(
        "whole.300000.peak_mb.allocation",
        "at most",
        150,
        "MB",
        label="memory at most for 300,000 students: intake, allocation, audit",
    ),
    Target(
        "whole.300000.peak_mb.audit",
        "at most",
        150,
        "MB",
        label="memory at most for 300,000 students: intake, allocation, audit",
    ),
    Target(
        "latency.idle.answer_ms.p99",
        "at most",
        40,
        "ms",
        label="one student on the idle system, p99: answer, decision, ledger",
    ),
    Target(
        "latency.idle.decision_ms.p99",
        "at most",
        100,
        "ms",
        label="one student on the idle system, p99: answer, decision, ledger",
    ),
    Target(
        "latency.idle.ledger_ms.p99",
        "at most",
        200,
        "ms",
        label="one student on the idle system, p99: answer, decision, ledger",
    ),
    Target(
        "singles.cpu_ms_per_post.sum",
        "at most",
        5,
        "ms of CPU",
        work=True,
        label="a single POST at 100 a second: CPU of the services, PostgreSQL and Kafka, without the sender",
    ),
    Target("tracing.off_cost_percent", "at most", 2, "% of the CPU of a student", label="tracing turned off"),
    Target(
        "tracing.one_percent.cost_percent.mean",
        "at most",
        5,
        "% of the throughput",
        label="tracing of 1 %: throughput",
    ),
    Target(
        "tracing.one_percent_by_spans_percent",
        "at most",
        5,
        "% of the CPU",
        label="tracing of 1 %: CPU of the spans",
    ),
)


def reached(benchmarks: Mapping[str, Figures], targets: Sequence[Target] = TARGETS) -> list[dict[str, Any]]:
    """Each target whose figure was measured, with the figure and whether it is reached.

    Of work, also what it would be at the machine's full speed, where the pace was watched.
    """
    found = []
    for target in targets:
        measured, slowdown = _measured(benchmarks, target.path.split("."))
        if isinstance(measured, int | float):
            told = {
                "figure": target.path,
                "wanted": f"{target.relation} {target.value:,g} {target.unit}",
                "measured": measured,
                "reached": target.is_met_by(measured),
            }
            if target.work and slowdown:
                full = measured * slowdown if target.relation == "at least" else measured / slowdown
                told["slowdown"] = slowdown
                told["at_full_speed"] = round(full) if full > 100 else round(full, 2)
                told["reached_at_full_speed"] = target.is_met_by(full)
            found.append(told)
    return found


def _measured(benchmarks: Mapping[str, Figures], path: Sequence[str]) -> tuple[Any, float | None]:
    """The figure, and the slowdown that stands nearest to it."""
    here: Any = benchmarks
    slowdown = None
    for name in path:
        here = here.get(name) if isinstance(here, Mapping) else None
        machine = here.get("machine") if isinstance(here, Mapping) else None
        if isinstance(machine, Mapping):
            slowdown = machine.get("slowdown")
    return here, slowdown
