"""PromQL of the panels. `$__rate_interval` is Grafana's: four scrapes at least."""

from typing import Final

from infra.grafana.panels import Query

RATE: Final = "$__rate_interval"


def rate(metric: str, by: str, where: str = "") -> str:
    """How much of a counter a second, summed."""
    return f"sum by ({by}) (rate({metric}{where}[{RATE}]))"


def quantile(share: float, metric: str, by: str, where: str = "") -> str:
    """Of a histogram, by its name without `_bucket`."""
    return f"histogram_quantile({share}, sum by ({by}, le) (rate({metric}_bucket{where}[{RATE}])))"


def quantiles(metric: str, by: str, legend: str, where: str = "") -> list[Query]:
    """The middle one, and the slowest percent."""
    return [
        Query(quantile(0.5, metric, by, where), f"p50 {legend}"),
        Query(quantile(0.99, metric, by, where), f"p99 {legend}"),
    ]
