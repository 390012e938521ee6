"""A dashboard as Grafana reads it, from a short description."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

COLUMNS: Final = 2
WIDTH: Final = 12
HEIGHT: Final = 8
SCHEMA: Final = 39
"""Grafana 10 and later read it, and bring it up to date themselves."""
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


class Query(NamedTuple):
    """PromQL, and what its series are called in the legend."""

    expression: str
    legend: str


class Panel(NamedTuple):
    """A graph over time. `unit` is Grafana's word: `s`, `ops`, `short`, `bytes`, `percentunit`."""

    title: str
    unit: str
    queries: Sequence[Query]
    about: str = ""


class Dashboard(NamedTuple):
    """A page of panels, two beside each other."""

    name: str
    title: str
    panels: Sequence[Panel]


def as_json(dashboard: Dashboard) -> dict[str, Any]:
    """The document that Grafana's provisioning and its import page take."""
    return {
        "uid": f"rahnama-{dashboard.name}",
        "title": f"Rahnama: {dashboard.title}",
        "tags": ["rahnama"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_datasource()]},
        "links": [
            {
                "type": "dashboards",
                "tags": ["rahnama"],
                "title": "Rahnama",
                "asDropdown": True,
                "includeVars": True,
                "keepTime": True,
            }
        ],
        "panels": [_panel(number, panel) for number, panel in enumerate(dashboard.panels)],
    }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, COLUMNS)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "custom": {"fillOpacity": 10, "lineWidth": 1, "showPoints": "never"},
            },
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": SOURCE,
                "expr": query.expression,
                "legendFormat": query.legend,
            }
            for place, query in enumerate(panel.queries)
        ],
    }
