"""What traces cost: the whole way without an exporter, and with 1 % of the students sampled by upstream, in turn.

Each round is a pair, one run just after the other, and `one_percent_cost_percent` is the median of the pairs: the machine's
speed changes from minute to minute more than traces cost. For the same reason each run's figures are told at its full speed.
What tracing costs while it is off cannot be measured so, for there is no system without it: the calls that remain
are timed alone, and told as a share of what a student costs.
"""

import sys
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Final

from infra.demo.cohort import Event
from infra.otel.collector import Collector
from shared.telemetry import accept_traceparent, is_sampled, unsampled_traceparent
from tests.bench.cases import whole
from tests.bench.cohorts import Load, make_load
from tests.bench.figures import Figures, require
from tests.bench.ground import Environment, new_ground
from tests.bench.sizes import Sizes

SERVICES: Final = ("intake", "allocation", "audit")
EVERY: Final = 100
"""One of so many students comes with a sampled context of its own."""
LOOPS: Final = 200_000
CALLS_A_STUDENT: Final = {"accept traceparent": 1, "is it sampled": 2}
"""While nothing is recorded: intake and allocation ask of the context that an event carries, and Kafka's door accepts it.
A request over HTTP has one for all of its events."""


async def run(sizes: Sizes) -> Figures:
    """CPU and rate of both, in turn, and what is left when it is off."""
    load = make_load(sizes.tracing)
    marked = make_load(sizes.tracing, mark=with_trace)
    off: list[Figures] = []
    sampled: list[Figures] = []
    spans = 0
    for _ in range(sizes.tracing_rounds):
        off.append(await _whole_way(load, {}))
        with Collector() as collector:
            sampled.append(await _whole_way(marked, _environment(collector)))
            spans += len(collector.spans())
    require(spans > 0, "no span was exported")
    pairs = list(zip(off, sampled, strict=True))
    cpu_off = _median(off, _cpu)
    calls = _calls_microseconds()
    left = sum(calls[name] * times for name, times in CALLS_A_STUDENT.items())
    return {
        "students": load.students,
        "rounds": sizes.tracing_rounds,
        "spans": spans,
        "off": {"cpu_ms_per_1000": cpu_off, "students_per_second": _median(off, _rate)},
        "one_percent": {
            "cpu_ms_per_1000": _median(sampled, _cpu),
            "students_per_second": _median(sampled, _rate),
        },
        "one_percent_cost_percent": _percent(median(1 - _rate(on) / _rate(without) for without, on in pairs)),
        "one_percent_cpu_percent": _percent(median(_cpu(on) / _cpu(without) - 1 for without, on in pairs)),
        "off_calls_us": {name: round(cost, 3) for name, cost in calls.items()},
        "off_cost_percent": round(left / cpu_off * 100, 2),
        "all_cpu_ms_per_1000": {"off": [_cpu(one) for one in off], "one_percent": [_cpu(one) for one in sampled]},
    }  # fmt: skip


async def _whole_way(load: Load, environment: Environment) -> Figures:
    async with new_ground(environment) as ground:
        await ground.send_reference(load)
        await ground.chain.wait_for_ledger()
        figures = await whole.measure(ground, load)
    print(
        f"  {'1 %' if environment else 'off'}: {_rate(figures):,.0f}/s, {_cpu(figures):.0f} ms",
        file=sys.stderr,
    )
    return figures


def _environment(collector: Collector) -> Environment:
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0",
    }
    return dict.fromkeys(SERVICES, variables)


def _percent(share: float) -> float:
    return round(share * 100, 2)


def _cpu(figures: Figures) -> float:
    return float(round(figures["cpu_ms_per_1000"]["sum"] / _slowdown(figures), 1))


def _rate(figures: Figures) -> float:
    return float(figures["students_per_second"] * _slowdown(figures))


def _slowdown(figures: Figures) -> float:
    return float(figures["machine"]["slowdown"] or 1.0)


def _median(runs: list[Figures], of: Callable[[Figures], float]) -> float:
    return round(median(of(figures) for figures in runs), 1)


def with_trace(number: int, event: Event) -> Event:
    """Every hundredth event carries a sampled context."""
    if number % EVERY:
        return event
    sampled = unsampled_traceparent()[:-2] + "01"
    return {**event, "traceparent": sampled}


def _calls_microseconds() -> dict[str, float]:
    """One of each, of CPU."""
    traceparent = unsampled_traceparent()
    return {
        "accept traceparent": _microseconds(lambda: accept_traceparent(traceparent)),
        "is it sampled": _microseconds(lambda: is_sampled(traceparent)),
    }


def _microseconds(call: Callable[[], object]) -> float:
    begun = process_time()
    for _ in range(LOOPS):
        call()
    return (process_time() - begun) / LOOPS * 1e6
