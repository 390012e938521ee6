"""`make overload`: three times what the system carries. It must shed with 503 and Retry-After, and lose nothing.

Refused events are sent again when the flood is over, as an upstream does: at the end every student is known once.
Report and plots as of `make soak`. 0 when nothing accepted was lost, and every refusal said when to come again.
"""

import argparse
import asyncio
import gc
import json
import sys
import time
from dataclasses import dataclass
from typing import Any, Final

from tests.provenance import commit, require_clean, stamp
from tests.tools.bench import pace
from tests.tools.bench.calibrate import capacity
from tests.tools.bench.cohorts import Load, make_load
from tests.tools.bench.figures import INTERRUPTED, require, require_equal, spread
from tests.tools.bench.harness import Harness, new_harness
from tests.tools.bench.machine import describe
from tests.tools.bench.plots import draw
from tests.tools.bench.probe import Probe, Probed
from tests.tools.bench.processes import peak_mb, resident_mb, shares
from tests.tools.bench.reports import folder_of, write
from tests.tools.bench.sampling import Sampler, Samples
from tests.tools.bench.sending import Sent

TIMES: Final = 3.0
SAMPLE_SECONDS: Final = 1.0
PROBES: Final = 40
WARM_UP: Final = 5


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench.overload")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the flood lasts")
    parser.add_argument("--calibration", type=int, default=20_000, help="students that measure the capacity")
    parser.add_argument("--table", action="store_true", help="writes to docs/reports")
    asked = parser.parse_args()
    of = require_clean() if asked.table else commit()
    about = describe()
    try:
        with pace.watched():
            found, samples = asyncio.run(_overload(asked.seconds, asked.calibration))
    except KeyboardInterrupt:
        return INTERRUPTED
    folder = folder_of(docs=asked.table)
    report = {**about, "overload": found}
    if asked.table:
        report = stamp(report, of)
    charts = {
        "memory, MB": samples.memory_mb,
        "lag, events behind": samples.lag_events,
        "rate, events answered a second": samples.events_per_second,
        "requests, refused and in flight": samples.requests,
    }
    write(folder, "overload", report, "Overload", draw(folder, "overload", charts))
    print(json.dumps(report, ensure_ascii=False))
    return 0


@dataclass(frozen=True, slots=True)
class Flood:
    """What was seen in it and just after it. Seconds are until the last answer, and from there until the ledger."""

    sent: Sent
    samples: Samples
    shed: dict[str, int]
    seconds: float
    catching_up_seconds: float
    probed_after: Probed
    machine: dict[str, float | None]


async def _overload(seconds: float, calibration: int) -> tuple[dict[str, Any], Samples]:
    async with new_harness() as harness, Probe(harness, WARM_UP + 2 * PROBES) as probe:
        carried = await capacity(harness, calibration)
        rate = TIMES * carried
        load = make_load(round(rate * seconds))
        gc.freeze()  # hundreds of megabytes of bodies: nothing in them to collect
        await harness.send_reference(load)
        await harness.chain.wait_for_ledger()
        await probe.watch_all(WARM_UP)
        calm, memory = await probe.watch_all(PROBES), resident_mb(harness.system)
        print(f"{carried:,.0f} events/s are carried; {rate:,.0f}/s for {seconds:,.0f} s …", file=sys.stderr)
        flood = await _flood(harness, probe, load, rate)
        figures = {
            "capacity_events_per_second": round(carried),
            **_figures(load, flood),
            "single_student_before": calm.figures(),
            "single_student_after": flood.probed_after.figures(),
            "memory_mb_before": memory,
            "peak_mb": peak_mb(harness.system),
            "machine_share": flood.machine,
        }
        await _require_nothing_lost(harness, load, flood, calibration + probe.sent)
        return {**figures, "lost": 0, "students": calibration + probe.sent + load.students}, flood.samples


async def _flood(harness: Harness, probe: Probe, load: Load, rate: float) -> Flood:
    before, sent = harness.usage(), Sent()
    async with Sampler(harness, sent, SAMPLE_SECONDS) as sampler:
        begun = time.monotonic()
        await harness.sender.send_at_rate(load.pieces, rate, sent)
        answered, machine = time.monotonic(), shares(before, harness.usage())
        shed = _shed(sent)
        await harness.chain.wait_for_ledger()
        caught_up = time.monotonic()
        probed = await probe.watch_all(PROBES)
    return Flood(sent, sampler.samples, shed, answered - begun, caught_up - answered, probed, machine)


async def _require_nothing_lost(harness: Harness, load: Load, flood: Flood, others: int) -> None:
    """What was accepted, and nothing else, went the whole way; and the rest does when it is sent again."""
    sent, shed = flood.sent, flood.shed
    require(shed["requests_refused"] > 0, "nothing was refused, so there was no overload")
    require(not shed["refused_without_retry_after"], "a refusal did not say when to come again")
    if not shed["requests_without_an_answer"]:
        await harness.check_students(others + sent.status["accepted"])
    again = await harness.sender.send_all(sent.take_back())
    await harness.chain.wait_for_ledger()
    require_equal(sent.answered + again.answered, load.events, "events that were answered")
    await harness.check_students(others + load.students)


def _figures(load: Load, flood: Flood) -> dict[str, Any]:
    sent, accepted = flood.sent, flood.sent.status["accepted"]
    return {
        "offered_events_per_second": round(load.events / sent.offered_seconds),
        "offered_seconds": round(sent.offered_seconds, 1),
        "seconds_to_the_last_answer": round(flood.seconds, 1),
        "events": load.events,
        "students_accepted_in_the_flood": accepted,
        "accepted_per_second_in_the_flood": round(accepted / flood.seconds),
        **flood.shed,
        "answer_ms": spread(sent.milliseconds),
        "refusal_ms": spread(sent.refused_milliseconds),
        "seconds_until_the_ledger_has_caught_up": round(flood.catching_up_seconds, 1),
    }


def _shed(sent: Sent) -> dict[str, int]:
    return {
        "requests_refused": sent.refused_requests,
        "refused_without_retry_after": sent.without_retry_after,
        "requests_without_an_answer": len(sent.unanswered),
        "requests_not_sent": len(sent.unsent),
    }


if __name__ == "__main__":
    sys.exit(main())
