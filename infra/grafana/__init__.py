"""Grafana's dashboards: described in `work.py` and `health.py`, kept as JSON in `dashboards/`, written by `python -m infra.grafana`."""
