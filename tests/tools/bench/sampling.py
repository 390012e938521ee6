"""A system's memory, lag, CPU and answers, looked at again and again while something goes on."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from tests.tools.bench.harness import Harness
from tests.tools.bench.processes import resident_mb, spent
from tests.tools.bench.sending import Sent

LAGS: Final = {
    "relay of intake": ("intake", "published_length", None, "intake"),
    "allocation": ("allocation", "applied_length", "intake", "intake"),
    "relay of allocation": ("allocation", "published_length", None, "allocation"),
    "audit, of intake": ("audit", "applied_length", "intake", "intake"),
    "audit, of allocation": ("audit", "applied_length", "allocation", "allocation"),
}
"""By name: whose database, which query with which argument, and behind whose log it is."""

Series = dict[str, list[tuple[float, float]]]
"""Lines by name; each is (seconds, value)."""


@dataclass(slots=True)
class Samples:
    """Everything by seconds since the start: MB by part, events behind by stage, cores used by part, events a second."""

    memory_mb: Series = field(default_factory=dict)
    lag_events: Series = field(default_factory=dict)
    cores: Series = field(default_factory=dict)
    events_per_second: Series = field(default_factory=dict)
    requests: Series = field(default_factory=dict)


class Sampler:
    """Looks every so many seconds. A context manager; `samples` is what it has seen."""

    def __init__(self, harness: Harness, sent: Sent, every_seconds: float) -> None:
        self.samples = Samples()
        self.begun = time.monotonic()
        self._harness = harness
        self._sent = sent
        self._every_seconds = every_seconds
        self._task: asyncio.Task[None] | None = None
        self._usage = harness.usage()
        self._answered = 0
        self._refused = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            done = await asyncio.gather(self._task, return_exceptions=True)
            if isinstance(done[0], Exception) and error is None:
                raise done[0]

    async def _watch(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(self._every_seconds)

    async def _look(self) -> None:
        at = time.monotonic() - self.begun
        _add(self.samples.memory_mb, at, resident_mb(self._harness.system))
        lags = await self._lags()
        _add(self.samples.lag_events, at, lags)
        usage, answered, refused = self._harness.usage(), self._sent.answered, self._sent.refused_requests
        seconds = max(usage.at - self._usage.at, 1e-9)
        if at > self._every_seconds / 2:
            cores = {part: used / seconds for part, used in spent(self._usage, usage).items()}
            _add(self.samples.cores, at, {part: round(used, 3) for part, used in cores.items()})
            _add(self.samples.events_per_second, at, {"answered": (answered - self._answered) / seconds})
            requests = {
                "refused a second": (refused - self._refused) / seconds,
                "in flight": self._sent.in_flight,
            }
            _add(self.samples.requests, at, requests)
        self._usage, self._answered, self._refused = usage, answered, refused

    async def _lags(self) -> Mapping[str, float]:
        """Positions first, then the ends: what came meanwhile counts as behind, and none is ever below 0."""
        found, ends = {}, {}
        for name, (service, query, argument, _) in LAGS.items():
            arguments = () if argument is None else (argument,)
            found[name] = await self._harness.value(service, query, *arguments)
        for source in ("intake", "allocation"):
            ends[source] = await self._harness.value(source, "log_length")
        return {name: float(ends[source] - found[name]) for name, (_, _, _, source) in LAGS.items()}


def _add(series: Series, at: float, values: Mapping[str, float]) -> None:
    for name, value in values.items():
        series.setdefault(name, []).append((round(at, 2), value))


@dataclass(frozen=True, slots=True)
class Trend:
    """Medians of the first and the last third of a line, its first tenth left out, and whether it stayed level."""

    first: float
    last: float
    flat: bool


def trend(line: Sequence[tuple[float, float]], *, factor: float, slack: float) -> Trend:
    """Flat: the last third's median is at most `factor` times the first third's, and `slack`."""
    values = [value for _, value in line][len(line) // 10 :]
    third = max(1, len(values) // 3)
    first, last = _median(values[:third]), _median(values[-third:])
    return Trend(round(first, 1), round(last, 1), last <= first * factor + slack)


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]
