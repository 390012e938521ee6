"""Percentiles, rates and the shape of a report."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tools.bench.figures import (
    TARGETS,
    CheckFailed,
    Target,
    Transaction,
    per_thousand,
    percentile,
    reached,
    require_equal,
    spread,
    steady_rate,
)
from tests.tools.bench.pace import Pace
from tests.tools.bench.pages import bench_page, flat
from tests.tools.bench.sampling import trend

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ABOUT = {"taken_at": "2026-01-01", "commit": "abc", "machine": {"cores": 2}, "versions": {"python": "3.11"}}


def transaction(rows: int, first: float, last: float) -> Transaction:
    return Transaction(rows, BEGIN + timedelta(seconds=first), BEGIN + timedelta(seconds=last))


@pytest.mark.parametrize(("percent", "wanted"), [(1, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)])
def test_a_percentile_is_the_nearest_rank(percent: float, wanted: int) -> None:
    assert percentile([*range(100, 0, -1)], percent) == wanted


def test_a_percentile_of_one_value_is_that_value() -> None:
    assert {percentile([7.0], percent) for percent in (0.1, 50, 99, 100)} == {7.0}


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_a_percentile_of_nothing_is_an_error(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, percent)


def test_a_spread_of_nothing_is_empty() -> None:
    assert spread([]) == {}


def test_the_first_transaction_is_where_the_clock_starts_and_counts_for_nothing() -> None:
    given = [transaction(2_000, 1.5, 2.0), transaction(900, 0.0, 0.5), transaction(1_000, 1.0, 1.5)]
    assert steady_rate(given) == 3_000 / 1.5


@pytest.mark.parametrize("rows", [[], [transaction(5, 0, 1)], [transaction(5, 0, 1), transaction(5, 0, 1)]])
def test_a_rate_needs_time_between_two_transactions(rows: list[Transaction]) -> None:
    with pytest.raises(ValueError, match="transactions"):
        steady_rate(rows)


def test_the_sum_of_cpu_leaves_the_sender_out() -> None:
    cost = per_thousand({"intake": 0.5, "kafka": 0.25, "sender": 2.0}, 10_000)
    assert cost == {"intake": 50.0, "kafka": 25.0, "sender": 200.0, "sum": 75.0}


def test_a_check_tells_both_values() -> None:
    with pytest.raises(CheckFailed, match="students: 3, not 4"):
        require_equal(3, 4, "students")


def test_a_target_is_reached_from_its_own_side_and_told_only_when_it_was_measured() -> None:
    targets = (
        Target("whole.10.students_per_second", "at least", 5_000, "students/s"),
        Target("whole.10.cpu_ms_per_1000.sum", "at most", 350, "ms"),
        Target("latency.idle.answer_ms.p99", "at most", 40, "ms"),
    )
    figures: dict[str, Any] = {
        "whole": {"10": {"students_per_second": 5_000, "cpu_ms_per_1000": {"sum": 350.1}}}
    }
    assert [(one["figure"], one["reached"]) for one in reached(figures, targets)] == [
        ("whole.10.students_per_second", True),
        ("whole.10.cpu_ms_per_1000.sum", False),
    ]


def test_work_is_also_told_at_the_machines_full_speed() -> None:
    targets = (
        Target("whole.10.students_per_second", "at least", 5_000, "students/s", work=True),
        Target("whole.10.cpu_ms_per_1000.sum", "at most", 350, "ms", work=True),
        Target("whole.10.peak_mb.intake", "at most", 150, "MB"),
    )
    ten = {
        "students_per_second": 4_000,
        "cpu_ms_per_1000": {"sum": 450.0},
        "peak_mb": {"intake": 140},
        "machine": {"slowdown": 1.5},
    }
    rate, cost, memory = reached({"whole": {"10": ten}}, targets)
    assert (rate["reached"], rate["at_full_speed"], rate["reached_at_full_speed"]) == (False, 6_000, True)
    assert (cost["reached"], cost["at_full_speed"], cost["reached_at_full_speed"]) == (False, 300, True)
    assert "at_full_speed" not in memory


def test_the_slowdown_is_told_of_a_time_and_against_the_best() -> None:
    pace = Pace([(float(at), cost) for at, cost in enumerate([1.0, 1.0, 2.0, 2.0, 3.0])])
    assert pace.slowdown(0, 1) == 1.0
    assert pace.slowdown(2, 4) == 2.333
    assert pace.slowdown(7, 9) is None


def test_every_target_is_told_once() -> None:
    assert len({target.path for target in TARGETS}) == len(TARGETS)


def test_a_page_tells_targets_failures_and_every_number() -> None:
    benchmarks: dict[str, Any] = {
        "engine": {"2000": {"decisions_per_second": 123_456}},
        "audit": {"rates": [1, 2]},
    }
    page = bench_page(
        {
            **ABOUT,
            "benchmarks": benchmarks,
            "targets": reached(benchmarks),
            "failures": {"intake": "lost one"},
        }
    )
    assert "| engine.2000.decisions_per_second | at least 100,000 decisions/s | 123,456 | yes |" in page
    assert "- intake: lost one" in page
    assert "| 2000.decisions_per_second | 123,456 |" in page
    assert "| rates | 1, 2 |" in page


def test_nested_figures_are_told_by_their_paths() -> None:
    assert flat({"a": {"b": {"c": 1}}, "d": 2}) == [("a.b.c", 1), ("d", 2)]


@pytest.mark.parametrize(("growth", "flat"), [(0.0, True), (0.5, False)])
def test_a_line_is_flat_when_its_last_third_is_as_its_first(growth: float, flat: bool) -> None:
    line = [(float(at), 100 + growth * at) for at in range(90)]
    assert trend(line, factor=1.1, slack=5).flat is flat


def test_a_warm_up_does_not_count_as_growth() -> None:
    line = [(float(at), 10.0 if at < 9 else 100.0) for at in range(90)]
    assert trend(line, factor=1.1, slack=0).flat
