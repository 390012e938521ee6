"""Allocation alone: everything is on its topic before it starts; decided and committed students a second."""

from tests.tools.bench.cohorts import make_load
from tests.tools.bench.figures import Figures, per_thousand, steady_rate
from tests.tools.bench.harness import new_harness
from tests.tools.bench.processes import PeakMemory, shares, spent
from tests.tools.bench.sizes import Sizes


async def run(sizes: Sizes) -> Figures:
    """From the end of its first transaction to the end of its last; CPU without that of its start."""
    load = make_load(sizes.alone)
    async with new_harness() as harness:
        start_cpu = harness.usage().cpu["allocation"]
        await harness.stop("allocation", "audit")
        await harness.send_reference(load)
        sent = await harness.sender.send_all(load.pieces)
        await harness.until_relayed()
        await harness.stop("intake")
        before = harness.usage()
        async with PeakMemory(harness.system) as peak:
            await harness.system.start_part("allocation")
            await harness.until_applied("allocation", "intake")
            after = harness.usage()
        harness.check_answers(load, sent)
        await harness.check_allocation(load.students)
        transactions = await harness.transactions("allocation")
        cpu = spent(before, after)
        cpu["allocation"] -= start_cpu
        return {
            "students": load.students,
            "students_per_second": round(steady_rate(transactions)),
            "transactions": len(transactions),
            "waitlisted": await harness.value("allocation", "waiting"),
            "cpu_ms_per_1000": per_thousand(cpu, load.students),
            "peak_mb": peak.mb,
            "machine": shares(before, after),
        }
