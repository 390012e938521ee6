"""The tables of figures follow from the reports: the slower figure, and what was missed."""

from pathlib import Path
from typing import Any

import pytest

from infra.local.home import REPOSITORY
from tests import figures
from tests.figures import readme_table, slower, with_table
from tests.tools.bench.figures import TARGETS


def report(students_per_second: float) -> dict[str, Any]:
    whole = {"100000": {"students_per_second": students_per_second}}
    return {"commit": "abc", "benchmarks": {"whole": whole}, "targets": []}


WHOLE = next(target for target in TARGETS if target.path == "whole.100000.students_per_second")


def row(table: str, label: str) -> str:
    return next(line for line in table.splitlines() if line.startswith(f"| {label} |"))


def test_of_two_reports_the_slower_figure_is_shown() -> None:
    reports = {"bench": report(6_000), "bench-later": report(5_500)}
    assert slower(reports, WHOLE) == 5_500
    assert "5,500 students/s" in row(readme_table(reports), WHOLE.label)


def test_a_missed_target_is_shown_as_missed_and_a_reached_one_is_not() -> None:
    assert "missed" in row(readme_table({"bench": report(4_999)}), WHOLE.label)
    assert "missed" not in row(readme_table({"bench": report(5_000)}), WHOLE.label)


def test_a_target_of_an_older_benchmark_that_was_missed_is_shown() -> None:
    old = {"figure": "old.figure", "measured": 7, "wanted": "at most 5 %", "reached": False}
    assert "**missed**" in row(
        readme_table({"bench": {**report(1), "targets": [old]}}), "`old.figure` in bench"
    )


def test_a_target_that_no_report_has_is_shown_as_not_measured() -> None:
    assert "**not measured**" in row(readme_table({}), WHOLE.label)


LATENCY = [target for target in TARGETS if target.label.startswith("one student on the idle system")]


def latencies(*figures: float | None) -> dict[str, Any]:
    """A report of the row's first figures; None is left out."""
    benchmarks: dict[str, Any] = {}
    for target, figure in zip(LATENCY, figures, strict=False):
        within = benchmarks
        *path, last = target.path.split(".")
        for name in path:
            within = within.setdefault(name, {})
        if figure is not None:
            within[last] = figure
    return {"commit": "abc", "benchmarks": benchmarks, "targets": []}


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ((1e6, None), ["missed", "not measured"]),
        ((None, 1e6), ["missed", "not measured"]),
        ((0.1, None), ["not measured"]),
        ((0.1, 0.1, 1e6), ["missed"]),
        ((0.1, 0.1, 0.1), []),
    ],
)
def test_a_row_of_several_figures_shows_the_missed_and_the_unmeasured(
    figures: tuple[float | None, ...], words: list[str]
) -> None:
    assert len(LATENCY) == 3
    shown = row(readme_table({"bench": latencies(*figures)}), LATENCY[0].label)
    assert shown.split("**")[1::2] == words


def test_every_target_has_a_label_and_those_of_one_row_one_unit() -> None:
    units = {(target.label, target.unit) for target in TARGETS}
    assert all(target.label for target in TARGETS)
    assert len(units) == len({label for label, _ in units})


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="mark"):
        with_table("no mark", "figures", "table")


def test_a_changed_figure_in_the_readme_is_found(tmp_path: Path) -> None:
    for name in ("README.md", "docs/benchmarks.md", "docs/reports"):
        source, target = REPOSITORY / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            target.mkdir()
            for report_file in source.glob("*.json"):
                (target / report_file.name).write_bytes(report_file.read_bytes())
        else:
            target.write_bytes(source.read_bytes())
    assert figures.main([], tmp_path) == 0
    page = tmp_path / "README.md"
    page.write_text(page.read_text().replace("students/s | at least", "students/s more | at least", 1))
    assert figures.main([], tmp_path) == 1
    assert figures.main(["--write"], tmp_path) == 0
    assert page.read_bytes() == (REPOSITORY / "README.md").read_bytes()
