"""Lines over time as SVG files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from leather import theme
from leather.chart import Chart

from tests.tools.bench.sampling import Series

WIDTH: Final = 900
HEIGHT: Final = 340
MOST_POINTS: Final = 600
COLORS: Final = ("#1b6ca8", "#d1495b", "#3a7d44", "#8d5a97", "#edae49", "#30343f", "#66a182")
FONT: Final = "sans-serif"


def draw(folder: Path, name: str, charts: Mapping[str, Series]) -> dict[str, str]:
    """One file for each chart, by title: its name in `folder`. Charts without a line are left out."""
    use_fonts()
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for title, series in charts.items():
        lines = {line: points for line, points in series.items() if points}
        if lines:
            files[title] = f"{name}-{title.partition(',')[0].replace(' ', '-')}.svg"
            _draw(folder / files[title], title, lines)
    return files


def use_fonts() -> None:
    """Fonts and colours that every machine has."""
    theme.title_font_family = theme.legend_font_family = theme.axis_title_font_family = FONT
    theme.tick_font_family = FONT
    theme.default_series_colors = list(COLORS)


def _draw(file: Path, title: str, lines: Series) -> None:
    chart = Chart(title)
    chart.add_x_axis(name="seconds")
    last = max(points[-1][0] for points in lines.values())
    top = max(value for points in lines.values() for _, value in points)
    chart.add_x_scale(0, max(1.0, last))
    chart.add_y_scale(0, top * 1.05 or 1)
    for (name, points), color in zip(lines.items(), COLORS * 2, strict=False):
        chart.add_line(
            [(at, float(value)) for at, value in thinned(points)], name=name, stroke_color=color, width=1.5
        )
    chart.to_svg(str(file), width=WIDTH, height=HEIGHT)


def thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most `MOST_POINTS`: the highest of each group of neighbours, so that no peak is lost."""
    step = -(-len(points) // MOST_POINTS)
    groups = [points[start : start + step] for start in range(0, len(points), step)]
    return [max(group, key=lambda point: point[1]) for group in groups]
