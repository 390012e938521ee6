"""The dashboards' panels drawn from what a Prometheus has kept: one SVG a dashboard, in the order of its file.

Grafana draws them finer; the queries and the data are the same.
"""

import json
import math
import time
from pathlib import Path
from typing import Any, Final

from leather.chart import Chart
from leather.grid import Grid

from tests.bench.plots import COLORS, use_fonts
from tests.observe.prometheus import Prometheus

STEP_SECONDS: Final = 5
MOST_LINES: Final = 8
WIDTH: Final = 1400
ROW_HEIGHT: Final = 330

Lines = dict[str, list[tuple[float, float]]]


async def draw_dashboard(prometheus: Prometheus, file: Path, folder: Path, seconds: float) -> list[str]:
    """Draws the last `seconds` into `folder`; returns the panels that have no line."""
    use_fonts()
    panels = json.loads(file.read_text(encoding="utf-8"))["panels"]
    found = [(panel, await lines_of(prometheus, panel, seconds)) for panel in panels]
    grid = Grid()
    for panel, lines in found:
        grid.add_one(chart_of(panel, lines, seconds))
    folder.mkdir(parents=True, exist_ok=True)
    rows = -(-len(panels) // 2)
    grid.to_svg(str(folder / f"dashboard-{file.stem}.svg"), width=WIDTH, height=rows * ROW_HEIGHT)
    return [panel["title"] for panel, lines in found if not lines]


async def lines_of(prometheus: Prometheus, panel: dict[str, Any], seconds: float) -> Lines:
    """The lines of a panel by their legend: (seconds since the beginning, value); gaps are left out."""
    now = time.time()
    lines: Lines = {}
    for target in panel["targets"]:
        answer = await prometheus.get(
            "query_range",
            query=target["expr"].replace("$__rate_interval", "40s"),
            start=str(now - seconds),
            end=str(now),
            step=str(STEP_SECONDS),
        )
        for series in answer["result"]:
            points = [
                (min(max(at - now + seconds, 0.0), seconds), float(value)) for at, value in series["values"]
            ]
            if points := [point for point in points if math.isfinite(point[1])]:
                lines[legend(target.get("legendFormat", ""), series["metric"])] = points
    return lines


def legend(template: str, labels: dict[str, str]) -> str:
    """As Grafana fills it in."""
    for name, value in labels.items():
        template = template.replace(f"{{{{{name}}}}}", value)
    return template


def chart_of(panel: dict[str, Any], lines: Lines, seconds: float) -> Chart:
    """One panel, with the highest of its lines where there are too many to tell apart."""
    unit = panel["fieldConfig"]["defaults"].get("unit", "short")
    chart = Chart(panel["title"] if unit == "short" else f"{panel['title']} ({unit})")
    highest = sorted(lines, key=lambda name: -max(value for _, value in lines[name]))[:MOST_LINES]
    values = [value for name in highest for _, value in lines[name]]
    top = max([0.0, *values])
    chart.add_x_scale(0, seconds)
    chart.add_y_scale(min([0.0, *values]), top * 1.05 or 1)
    for name, color in zip(sorted(highest), COLORS * 2, strict=False):
        chart.add_line(lines[name], name=name, stroke_color=color, width=1.5)
    if not highest:
        chart.add_line([(0, 0)], name="no data")
    return chart
