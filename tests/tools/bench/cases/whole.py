"""The whole way: batches over HTTP from several tenants, until every student is decided and in the ledger."""

import sys
import time
from statistics import median

from tests.tools.bench.cohorts import Load, make_load
from tests.tools.bench.figures import Figures, per_thousand
from tests.tools.bench.harness import Harness, new_harness
from tests.tools.bench.processes import PeakMemory, shares, spent
from tests.tools.bench.sizes import Sizes

ONCE_ABOVE = 10_000


async def run(sizes: Sizes) -> Figures:
    """By the number of students."""
    found: Figures = {}
    for students in sizes.whole:
        load = make_load(students)
        repeats = sizes.whole_repeats if students <= ONCE_ABOVE else 1
        runs = [await _run_once(load, proves=students <= sizes.proof_up_to) for _ in range(repeats)]
        found[str(students)] = _middle(runs)
    return found


def _middle(runs: list[Figures]) -> Figures:
    """The run in the middle, with the rates of all."""
    rates = [figures["students_per_second"] for figures in runs]
    middle = min(runs, key=lambda figures: abs(figures["students_per_second"] - median(rates)))
    return middle if len(runs) == 1 else {**middle, "students_per_second_of_all_runs": rates}


async def _run_once(load: Load, *, proves: bool) -> Figures:
    async with new_harness() as harness:
        await harness.send_reference(load)
        await harness.chain.wait_for_ledger()
        figures = await measure(harness, load)
        if proves:
            figures["proof"] = await harness.check_proof()
    print(f"  {load.students:,} students: {figures['students_per_second']:,}/s", file=sys.stderr, flush=True)
    return figures


async def measure(harness: Harness, load: Load) -> Figures:
    """Sends it all to a system that knows the mentors, and nobody besides."""
    async with PeakMemory(harness.system) as peak:
        disk, before, begun = harness.disk_bytes(), harness.usage(), time.monotonic()
        sent = await harness.sender.send_all(load.pieces)
        answered = time.monotonic() - begun
        await harness.chain.wait_for_ledger()
        seconds, after = time.monotonic() - begun, harness.usage()
    harness.check_answers(load, sent)
    await harness.check_students(load.students)
    return {
        "students": load.students,
        "events": load.events,
        "students_per_second": round(load.students / seconds),
        "seconds": round(seconds, 2),
        "seconds_to_the_last_answer": round(answered, 2),
        "requests_refused": sent.refused_requests,
        "waitlisted": await harness.value("allocation", "waiting"),
        "cpu_ms_per_1000": per_thousand(spent(before, after), load.students),
        "disk_kb_per_student": round((harness.disk_bytes() - disk) / 1000 / load.students, 1),
        "peak_mb": peak.mb,
        "machine": shares(before, after),
    }
