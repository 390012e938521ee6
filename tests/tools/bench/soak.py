"""`make soak MINUTES=20`: half of what the system carries, for so long. Memory, lag and latency must stay level.

The report and its plots go to docs/reports with `--table`, else to the folder of `RAHNAMA_HOME`; the last line
printed is the report. 0 when no event was refused or lost; whether all is level is in the report.
"""

import argparse
import asyncio
import gc
import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, Final

from infra.demo.cohort import CohortSize
from tests.provenance import commit, require_clean, stamp
from tests.tools.bench import pace
from tests.tools.bench.calibrate import capacity
from tests.tools.bench.cohorts import TENANTS, Load, make_load
from tests.tools.bench.figures import INTERRUPTED, require, spread
from tests.tools.bench.harness import Harness, new_harness
from tests.tools.bench.machine import describe
from tests.tools.bench.plots import draw
from tests.tools.bench.probe import Probe, Probed
from tests.tools.bench.processes import peak_mb, shares
from tests.tools.bench.reports import folder_of, write
from tests.tools.bench.sampling import Sampler, Samples, Series, trend
from tests.tools.bench.sending import Sent

HALF: Final = 0.5
BATCH_EVENTS: Final = 250
SAMPLE_SECONDS: Final = 5.0
PROBE_PAUSE_SECONDS: Final = 0.5
MENTORS_A_TENANT: Final = 500
ROOM: Final = 2.0
"""Twice the places of the demo: memory grows with those who wait, so nobody shall wait for want of a place."""
PROVEN_RECORDS: Final = 600_000
MOST_PROBES: Final = 1_000_000


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench.soak")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--calibration", type=int, default=20_000, help="students that measure the capacity")
    parser.add_argument("--table", action="store_true", help="writes to docs/reports")
    asked = parser.parse_args()
    of = require_clean() if asked.table else commit()
    about = describe()
    try:
        with pace.watched():
            found, watched = asyncio.run(_soak(asked.minutes * 60, asked.calibration))
    except KeyboardInterrupt:
        return INTERRUPTED
    folder = folder_of(docs=asked.table)
    report = {**about, "soak": found}
    if asked.table:
        report = stamp(report, of)
    write(folder, "soak", report, "Soak", draw(folder, "soak", charts(watched)))
    print(json.dumps(report, ensure_ascii=False))
    return 0


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen while the load came; `begun` is when (monotonic)."""

    begun: float
    samples: Samples
    probed: Probed
    sent: Sent
    machine: dict[str, float | None]


async def _soak(seconds: float, calibration: int) -> tuple[dict[str, Any], Watched]:
    async with new_harness() as harness, Probe(harness, math.ceil(seconds / PROBE_PAUSE_SECONDS)) as probe:
        carried = await capacity(harness, calibration)
        rate = HALF * carried
        print(f"{carried:,.0f} events/s are carried; {rate:,.0f}/s for {seconds:,.0f} s …", file=sys.stderr)
        size = CohortSize(mentors=MENTORS_A_TENANT)
        load = make_load(_students(rate * seconds, size), size=size, batch_events=BATCH_EVENTS, room=ROOM)
        gc.freeze()  # millions of bytes objects: nothing in them to collect
        await harness.send_reference(load)
        await harness.chain.wait_for_ledger()
        watched = await _watch(harness, probe, load, rate, seconds)
        await harness.chain.wait_for_ledger()
        require(not watched.sent.take_back(), "requests were refused at half load")
        harness.check_answers(load, watched.sent)
        await harness.check_students(calibration + load.students + probe.sent)
        found = {
            "minutes": round(seconds / 60, 2),
            "capacity_events_per_second": round(carried),
            "events_per_second": round(rate),
            "students": calibration + load.students + probe.sent,
            **await _figures(harness, watched),
        }
        return found, watched


async def _watch(harness: Harness, probe: Probe, load: Load, rate: float, seconds: float) -> Watched:
    sent, before, until = Sent(), harness.usage(), time.monotonic() + seconds
    async with Sampler(harness, sent, SAMPLE_SECONDS) as sampler:
        loading = asyncio.create_task(harness.sender.send_at_rate(load.pieces, rate, sent))
        probed = await probe.watch_all(MOST_PROBES, pause_seconds=PROBE_PAUSE_SECONDS, until=until)
        await loading
        machine = shares(before, harness.usage())
    return Watched(sampler.begun, sampler.samples, probed, sent, machine)


async def _figures(harness: Harness, watched: Watched) -> dict[str, Any]:
    records = sum(
        [await harness.value("audit", "ledger_length", source) for source in ("intake", "allocation")]
    )
    return {
        "records": records,
        "waitlisted": await harness.value("allocation", "waiting"),
        "request_ms": spread(watched.sent.milliseconds),
        "probes": watched.probed.figures(),
        "peak_mb": peak_mb(harness.system),
        "level": level(watched.samples, watched.probed),
        "machine_share": watched.machine,
        "proof": await harness.check_proof() if records <= PROVEN_RECORDS else "too long for a verification",
    }


def _students(events: float, size: CohortSize) -> int:
    """So many that, with those of them that come twice, again or wrong, there are about `events`."""
    noise = size.duplicate_share + size.unchanged_share + size.invalid_share
    return max(len(TENANTS), round(events / (1 + noise)))


def level(samples: Samples, probed: Probed) -> dict[str, Any]:
    """By figure: the medians of the first and the last third, and whether the last one is as the first."""
    found = {
        f"memory of {part}, MB": trend(line, factor=1.1, slack=5) for part, line in samples.memory_mb.items()
    }
    found |= {
        f"events behind, {stage}": trend(line, factor=2, slack=2 * BATCH_EVENTS)
        for stage, line in samples.lag_events.items()
    }
    for name in ("answer", "decision", "ledger"):
        line = [(at, getattr(seen, name)) for at, seen in zip(probed.at, probed.seen, strict=True)]
        found[f"{name} of a single student, ms"] = trend(line, factor=1.5, slack=20)
    return {name: asdict(one) for name, one in found.items()}


def charts(watched: Watched) -> dict[str, Series]:
    """What is drawn, by title."""
    samples, probed = watched.samples, watched.probed
    latency: Series = {
        name: [
            (at - watched.begun, getattr(seen, name)) for at, seen in zip(probed.at, probed.seen, strict=True)
        ]
        for name in ("answer", "decision", "ledger")
    }
    return {
        "memory, MB": samples.memory_mb,
        "lag, events behind": samples.lag_events,
        "latency, ms of a single student": latency,
        "rate, events answered a second": samples.events_per_second,
        "processor, cores used": samples.cores,
    }


if __name__ == "__main__":
    sys.exit(main())
