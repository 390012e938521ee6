"""How the tracing benchmark tells the cost of a span, and of what share of the students."""

import pytest

from tests.tools.bench.cases.tracing import Block, Pair, Series


def pair(off: float, sampled: float) -> Pair:
    return Pair(Block(1e6 / off, off, 1.0), Block(1e6 / sampled, sampled, 1.0))


def test_a_span_costs_what_the_pairs_differ_by() -> None:
    series = Series([pair(200, 250), pair(300, 350)], spans=500, students=1_000)
    assert series.cpu_off == 250
    assert series.spans_a_student == 0.5
    assert series.microseconds_a_span == 100


def test_means_are_told_with_their_standard_error() -> None:
    figures = Series([pair(200, 210), pair(200, 230)], spans=1, students=1_000).figures()
    assert figures["cpu_percent"] == {"mean": 10.0, "standard_error": 5.0}
    assert figures["cost_percent_of_all"] == pytest.approx([4.76, 13.04])
