"""Metrics by OpenTelemetry, shown to Prometheus in its text format. Nothing is kept per record.

LAG = Observed("rahnama.inbox.lag.records", "{record}", "Records that are not applied yet.")
LAG.watch(partitions.lag)          # asked at each scrape, in the event loop; until LAG.forget(partitions.lag)

Instruments are made at import and do nothing until `start_metrics`, so that whatever has no service around it
(commands, simulations) pays nothing.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final
from weakref import WeakMethod

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import (
    CallbackOptions,
    Counter,
    Histogram,
    Meter,
    Observation,
    get_meter,
    get_meter_provider,
    set_meter_provider,
)
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.resources import Resource
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

Labels = Mapping[str, str | int]
Values = Iterable[tuple[float, Labels]]
Source = Callable[[], Values]

SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Bounds of durations: those of the semantic conventions, and one below."""
RECORDS: Final = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
"""Bounds of batch sizes."""

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

_meter: Final[Meter] = get_meter("rahnama")


def counter(name: str, unit: str, description: str) -> Counter:
    """What only grows. `add(0, labels)` shows it before anything has happened."""
    return _meter.create_counter(name, unit, description)


def histogram(name: str, unit: str, description: str, bounds: Sequence[float]) -> Histogram:
    """How values are distributed."""
    return _meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=bounds)


class Observed:
    """A gauge whose values lie in memory already; whoever has them is asked at each scrape, as long as it lives."""

    def __init__(self, name: str, unit: str, description: str) -> None:
        self._sources: dict[WeakMethod[Source], None] = {}
        _meter.create_observable_gauge(name, [self._observe], unit, description)

    def watch(self, source: Source) -> None:
        """From now on the method `source()` tells values, each with its labels."""
        self._sources[WeakMethod(source, self._forget)] = None

    def forget(self, source: Source) -> None:
        """It tells no more."""
        self._forget(WeakMethod(source))

    def _forget(self, source: "WeakMethod[Source]") -> None:
        self._sources.pop(source, None)

    def _observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        living = [source for method in self._sources if (source := method()) is not None]
        return [Observation(value, labels) for source in living for value, labels in source()]


def start_metrics(resource: Resource) -> None:
    """Begins to keep what is measured in this process; once is enough. OTEL_METRICS_EXPORTER=none leaves it."""
    get = os.environ.get
    wanted = get("OTEL_METRICS_EXPORTER", "prometheus").strip().lower()
    if wanted == "none" or get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return
    if wanted != "prometheus":
        raise ValueError(f"OTEL_METRICS_EXPORTER is {wanted!r}; known are prometheus and none")
    if isinstance(get_meter_provider(), MeterProvider):
        return
    reader = PrometheusMetricReader(scope_info_enabled=False)
    set_meter_provider(
        MeterProvider([reader], resource, shutdown_on_exit=False, exemplar_filter=AlwaysOffExemplarFilter())
    )


def exposition() -> bytes:
    """Everything, in Prometheus' text format; with the process's own CPU, memory and descriptors."""
    return generate_latest(REGISTRY)
