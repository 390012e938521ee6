"""Latency of a single student: on an idle system, and beside a load of half of what the system carries."""

import asyncio
import math
import time

from tests.tools.bench.calibrate import capacity
from tests.tools.bench.cohorts import make_load
from tests.tools.bench.figures import Figures, require, require_equal
from tests.tools.bench.harness import Harness, new_harness
from tests.tools.bench.probe import Probe
from tests.tools.bench.processes import shares
from tests.tools.bench.sizes import Sizes

HALF = 0.5
BATCH_EVENTS = 250
PAUSE_SECONDS = 0.05
WARM_UP = 5
"""Students whose latency is not counted: connections and plans are new."""


async def run(sizes: Sizes) -> Figures:
    """To the answer, to the decision, to the ledger; idle and at half load."""
    async with new_harness() as harness, Probe(harness, WARM_UP + 2 * sizes.probes) as probe:
        carried = await capacity(harness, sizes.calibration)
        await probe.watch_all(WARM_UP)
        before = harness.usage()
        idle = await probe.watch_all(sizes.probes, pause_seconds=PAUSE_SECONDS)
        idle_machine = shares(before, harness.usage())
        require_equal(len(idle.seen), sizes.probes, "students that were probed")
        half, students = await _at_half_load(harness, probe, carried, sizes)
        await harness.chain.wait_for_ledger()
        await harness.check_students(sizes.calibration + probe.sent + students)
        return {
            "capacity_events_per_second": round(carried),
            "idle": {**idle.figures(), "machine": idle_machine},
            "half_load": half,
        }


async def _at_half_load(harness: Harness, probe: Probe, carried: float, sizes: Sizes) -> tuple[Figures, int]:
    """Its figures, and how many students it has sent besides the probed ones."""
    rate, seconds = HALF * carried, sizes.half_load_seconds
    load = make_load(math.ceil(rate * seconds), batch_events=BATCH_EVENTS)
    await harness.send_reference(load)
    await harness.chain.wait_for_ledger()
    before, until = harness.usage(), time.monotonic() + seconds
    loading = asyncio.create_task(harness.sender.send_at_rate(load.pieces, rate))
    await asyncio.sleep(seconds / 10)
    probed = await probe.watch_all(sizes.probes, pause_seconds=PAUSE_SECONDS, until=until)
    after, sent = harness.usage(), await loading
    require(not sent.take_back(), "requests were refused at half load")
    harness.check_answers(load, sent)
    require(bool(probed.seen), "no student was probed at half load")
    figures = {
        **probed.figures(),
        "events_per_second": round(rate),
        "batch_events": BATCH_EVENTS,
        "machine": shares(before, after),
    }
    return figures, load.students
