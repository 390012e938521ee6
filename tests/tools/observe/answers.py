"""What a Prometheus answers each query of a dashboard, over the time it has watched: kept as one file a dashboard."""

import json
import math
import time
from pathlib import Path
from typing import Any, Final

from infra.local.home import Home
from tests.tools.observe.prometheus import Prometheus

STEP_SECONDS: Final = 5
RATE_INTERVAL: Final = "40s"
"""What Grafana puts in the place of `$__rate_interval` where it is told of a scrape every ten seconds."""

Series = dict[str, Any]


def folder_of_answers() -> Path:
    """Below RAHNAMA_HOME, until the next run."""
    return Home.from_environment().root / "observed"


def filled_in(expression: str) -> str:
    """A panel's query as Prometheus is asked."""
    return expression.replace("$__rate_interval", RATE_INTERVAL)


async def keep_answers(prometheus: Prometheus, file: Path, folder: Path, seconds: float) -> list[str]:
    """Asks for the last `seconds` and writes dashboard and answers; returns the panels that have no line."""
    dashboard = json.loads(file.read_text(encoding="utf-8"))
    end = time.time()
    begin = end - seconds
    answers = {
        str(panel["id"]): {
            target["refId"]: await ask(prometheus, target["expr"], begin, end) for target in panel["targets"]
        }
        for panel in dashboard["panels"]
    }
    document = {
        "dashboard": dashboard,
        "from": begin,
        "to": end,
        "step": STEP_SECONDS,
        "answers": answers,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{file.stem}.json").write_text(json.dumps(document), encoding="utf-8")
    return [panel["title"] for panel in dashboard["panels"] if not has_line(answers[str(panel["id"])])]


async def ask(prometheus: Prometheus, expression: str, begin: float, end: float) -> list[Series]:
    """The series of a range query, as Prometheus gives them."""
    answer = await prometheus.get(
        "query_range",
        query=filled_in(expression),
        start=str(aligned(begin)),
        end=str(aligned(end)),
        step=str(STEP_SECONDS),
    )
    series: list[Series] = answer["result"]
    return series


def aligned(moment: float) -> float:
    """To whole steps, as Grafana asks, so that the same moments are asked for again."""
    return moment // STEP_SECONDS * STEP_SECONDS


def has_line(answers: dict[str, list[Series]]) -> bool:
    """Whether any of a panel's series has a value that can be drawn."""
    return any(
        math.isfinite(float(value))
        for found in answers.values()
        for series in found
        for _, value in series["values"]
    )
