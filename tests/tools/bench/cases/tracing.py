"""What traces cost: two systems side by side, one without an exporter, one with some of the students sampled by upstream.

They take the same load in blocks of a few seconds, in turn, so that each pair of blocks meets the machine at the same pace,
which changes from minute to minute by more than traces cost; who begins changes with each pair, and a block ends
with its last span exported. That is done with 1 % of the students sampled, which is hard to tell from the noise of the machine,
and with 10 %, which is not: from this comes what a span costs, and from that what 1 % costs.
What tracing costs while it is off cannot be measured so, for there is no system without it: the calls that remain
are timed alone, and told as a share of what a student costs.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import mean, median, stdev
from time import process_time
from typing import Final

from infra.demo.cohort import Event
from infra.otel.collector import Collector
from infra.services import NAMES
from shared.telemetry import accept_traceparent, is_sampled, unsampled_traceparent
from tests.tools.bench.cohorts import Load, Mark, Piece, make_load
from tests.tools.bench.figures import Figures, per_thousand, require
from tests.tools.bench.harness import Environment, Harness, new_harness
from tests.tools.bench.processes import shares, spent
from tests.tools.bench.sending import Sent
from tests.tools.bench.sizes import Sizes

ONE_PERCENT: Final = 100
"""One of so many students comes with a sampled context of its own."""
TEN_PERCENT: Final = 10
EXPORT_SECONDS: Final = 1.0
"""Between two exports of a service: OpenTelemetry's five would fall into the other system's blocks."""
LOOPS: Final = 200_000
CALLS_A_STUDENT: Final = {"accept traceparent": 1, "is it sampled": 2}
"""While nothing is recorded: intake and allocation ask of the context that an event carries, and Kafka's door accepts it.
A request over HTTP has one for all of its events."""


@dataclass(frozen=True, slots=True)
class Block:
    """What one system did with a part of the load; CPU is that of all its processes, exports included."""

    students_per_second: float
    cpu_ms_per_1000: float
    slowdown: float | None


@dataclass(frozen=True, slots=True)
class Pair:
    """The same part of the load in both systems, one right after the other."""

    off: Block
    sampled: Block

    @property
    def throughput_lost(self) -> float:
        """A share of that without traces."""
        return 1 - self.sampled.students_per_second / self.off.students_per_second

    @property
    def cpu_added(self) -> float:
        """A share of that without traces."""
        return self.sampled.cpu_ms_per_1000 / self.off.cpu_ms_per_1000 - 1


class Side:
    """One of the two systems, and what it has answered so far."""

    def __init__(self, harness: Harness, load: Load) -> None:
        self._harness = harness
        self._load = load
        self._sent = Sent()

    async def begin(self) -> None:
        """Returns when everybody knows the mentors."""
        await self._harness.send_reference(self._load)
        await self._harness.chain.wait_for_ledger()

    async def take(self, pieces: Sequence[Piece]) -> Block:
        """Sends them; until all is in the ledger, and then until the spans are exported."""
        before, begun = self._harness.usage(), time.monotonic()
        sent = await self._harness.sender.send_all(pieces)
        await self._harness.chain.wait_for_ledger()
        seconds = time.monotonic() - begun
        await asyncio.sleep(1.5 * EXPORT_SECONDS)
        after = self._harness.usage()
        self._sent.status.update(sent.status)
        students = sent.status["accepted"]
        return Block(
            students_per_second=students / seconds,
            cpu_ms_per_1000=per_thousand(spent(before, after), students)["sum"],
            slowdown=shares(before, after)["slowdown"],
        )

    async def check(self) -> None:
        """Nothing is lost, in front of an exporter or not."""
        self._harness.check_answers(self._load, self._sent)
        await self._harness.check_students(self._load.students)


@dataclass(frozen=True, slots=True)
class Series:
    """All pairs of one share of sampled students, and how many spans came of a student."""

    pairs: Sequence[Pair]
    spans: int
    students: int

    @property
    def spans_a_student(self) -> float:
        """Of those that were not sampled, too."""
        return self.spans / self.students

    @property
    def microseconds_a_span(self) -> float:
        """CPU, all that comes with a span included."""
        added = mean(pair.sampled.cpu_ms_per_1000 - pair.off.cpu_ms_per_1000 for pair in self.pairs)
        return added / self.spans_a_student

    @property
    def cpu_off(self) -> float:
        """Microseconds of a student, without traces."""
        return mean(pair.off.cpu_ms_per_1000 for pair in self.pairs)

    def figures(self) -> Figures:
        """As measured; shares in percent of what it is without traces."""
        return {
            "students": self.students,
            "pairs": len(self.pairs),
            "spans_per_1000": round(self.spans_a_student * 1000, 1),
            "off": _medians([pair.off for pair in self.pairs]),
            "sampled": _medians([pair.sampled for pair in self.pairs]),
            "cost_percent": _mean([pair.throughput_lost for pair in self.pairs]),
            "cpu_percent": _mean([pair.cpu_added for pair in self.pairs]),
            "cost_percent_of_all": [_percent(pair.throughput_lost) for pair in self.pairs],
            "cpu_percent_of_all": [_percent(pair.cpu_added) for pair in self.pairs],
            "slowdown_of_all": [pair.off.slowdown for pair in self.pairs],
        }


async def run(sizes: Sizes) -> Figures:
    """CPU and rate with and without, pair by pair; what a span costs; and what is left when tracing is off."""
    one = await _series(sizes, ONE_PERCENT, sizes.tracing_rounds)
    ten = await _series(sizes, TEN_PERCENT, 1)
    calls = _calls_microseconds()
    left = sum(calls[name] * times for name, times in CALLS_A_STUDENT.items())
    return {
        "one_percent": one.figures(),
        "ten_percent": ten.figures(),
        "us_per_span": round(ten.microseconds_a_span, 1),
        "one_percent_by_spans_percent": _percent(ten.microseconds_a_span * one.spans_a_student / ten.cpu_off),
        "off_calls_us": {name: round(cost, 3) for name, cost in calls.items()},
        "off_cost_percent": round(left / one.cpu_off * 100, 2),
    }


async def _series(sizes: Sizes, every: int, rounds: int) -> Series:
    plain = make_load(sizes.tracing)
    marked = make_load(sizes.tracing, mark=sampled_every(every))
    pairs: list[Pair] = []
    spans = 0
    for _ in range(rounds):
        with Collector() as collector:
            pairs += await _pairs(plain, marked, collector, sizes.tracing_blocks)
            spans += len(collector.spans())
    require(spans > 0, "no span was exported")
    return Series(pairs, spans, plain.students * rounds)


async def _pairs(plain: Load, marked: Load, collector: Collector, blocks: int) -> list[Pair]:
    """The first block of each system is not counted: Kafka compiles its code meanwhile."""
    async with AsyncExitStack() as stack:
        off = Side(await stack.enter_async_context(new_harness()), plain)
        sampled = Side(await stack.enter_async_context(new_harness(_environment(collector))), marked)
        pairs = []
        for side in (off, sampled):
            await side.begin()
        for number, (one, other) in enumerate(zip(_cut(plain, blocks), _cut(marked, blocks), strict=True)):
            if number % 2:
                traced = await sampled.take(other)
                pairs.append(Pair(await off.take(one), traced))
            else:
                pairs.append(Pair(await off.take(one), await sampled.take(other)))
            _tell(pairs[-1])
        for side in (off, sampled):
            await side.check()
    return pairs[1:]


def _cut(load: Load, blocks: int) -> list[Sequence[Piece]]:
    """Of nearly the same size, in order."""
    ends = [len(load.pieces) * number // blocks for number in range(blocks + 1)]
    return [load.pieces[begin:end] for begin, end in pairwise(ends)]


def _environment(collector: Collector) -> Environment:
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_BSP_SCHEDULE_DELAY": str(round(EXPORT_SECONDS * 1000)),
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0",
    }
    return dict.fromkeys(NAMES, variables)


def _tell(pair: Pair) -> None:
    told = (
        f"{block.students_per_second:,.0f}/s, {block.cpu_ms_per_1000:.0f} ms"
        for block in (pair.off, pair.sampled)
    )
    print("  off {}; sampled {}".format(*told), file=sys.stderr, flush=True)


def _percent(share: float) -> float:
    return round(share * 100, 2)


def _mean(of_pairs: Sequence[float]) -> dict[str, float]:
    """In percent; the standard error tells how far the mean of so many pairs is likely to be off."""
    found = {"mean": _percent(mean(of_pairs))}
    if len(of_pairs) > 1:
        found["standard_error"] = _percent(stdev(of_pairs) / sqrt(len(of_pairs)))
    return found


def _medians(blocks: Sequence[Block]) -> Figures:
    return {
        "students_per_second": round(median(block.students_per_second for block in blocks), 1),
        "cpu_ms_per_1000": round(median(block.cpu_ms_per_1000 for block in blocks), 1),
    }


def sampled_every(every: int) -> Mark:
    """A mark by which one of so many events carries a sampled context of its own."""

    def mark(number: int, event: Event) -> Event:
        return event if number % every else {**event, "traceparent": unsampled_traceparent()[:-2] + "01"}

    return mark


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
