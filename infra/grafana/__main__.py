"""Writes the dashboards: `python -m infra.grafana`."""

import json
from pathlib import Path
from typing import Final

from infra.grafana.health import CAPACITY, ERRORS
from infra.grafana.panels import Dashboard, as_json
from infra.grafana.work import FLOW, LAG, LATENCY

DASHBOARDS: Final = (FLOW, LATENCY, LAG, ERRORS, CAPACITY)
FOLDER: Final = Path(__file__).with_name("dashboards")


def text_of(dashboard: Dashboard) -> str:
    """The file's content."""
    return json.dumps(as_json(dashboard), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Overwrites every file."""
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.name}.json").write_text(text_of(dashboard), encoding="utf-8")


if __name__ == "__main__":
    main()
