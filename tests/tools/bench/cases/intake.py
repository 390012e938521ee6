"""Intake alone: batches over HTTP while allocation and audit are down. To the last answer, and to the topic."""

import time

from tests.tools.bench.cohorts import make_load
from tests.tools.bench.figures import Figures, per_thousand, spread
from tests.tools.bench.harness import new_harness
from tests.tools.bench.processes import PeakMemory, shares, spent
from tests.tools.bench.sizes import Sizes


async def run(sizes: Sizes) -> Figures:
    """`students_per_second` counts those that are answered and on the topic."""
    load = make_load(sizes.alone)
    async with new_harness() as harness:
        await harness.stop("allocation", "audit")
        await harness.send_reference(load)
        async with PeakMemory(harness.system) as peak:
            before, begun = harness.usage(), time.monotonic()
            sent = await harness.sender.send_all(load.pieces)
            answered = time.monotonic() - begun
            await harness.until_relayed()
            relayed, after = time.monotonic() - begun, harness.usage()
        harness.check_answers(load, sent)
        await harness.check_intake(load.students)
        return {
            "students": load.students,
            "events": load.events,
            "students_per_second": round(load.students / relayed),
            "answered_per_second": round(load.students / answered),
            "request_ms": spread(sent.milliseconds),
            "cpu_ms_per_1000": per_thousand(spent(before, after), load.students),
            "peak_mb": peak.mb,
            "machine": shares(before, after),
        }
