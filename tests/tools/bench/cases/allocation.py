"""Allocation alone: everything is on its topic before it starts; decided and committed students a second."""

from tests.tools.bench.cohorts import make_load
from tests.tools.bench.figures import Figures, per_thousand, steady_rate
from tests.tools.bench.ground import new_ground
from tests.tools.bench.processes import PeakMemory, shares, spent
from tests.tools.bench.sizes import Sizes


async def run(sizes: Sizes) -> Figures:
    """From the end of its first transaction to the end of its last; CPU without that of its start."""
    load = make_load(sizes.alone)
    async with new_ground() as ground:
        start_cpu = ground.usage().cpu["allocation"]
        await ground.stop("allocation", "audit")
        await ground.send_reference(load)
        sent = await ground.sender.send_all(load.pieces)
        await ground.until_relayed()
        await ground.stop("intake")
        before = ground.usage()
        async with PeakMemory(ground.system) as peak:
            await ground.system.start_part("allocation")
            await ground.until_applied("allocation", "intake")
            after = ground.usage()
        ground.check_answers(load, sent)
        await ground.check_allocation(load.students)
        transactions = await ground.transactions("allocation")
        cpu = spent(before, after)
        cpu["allocation"] -= start_cpu
        return {
            "students": load.students,
            "students_per_second": round(steady_rate(transactions)),
            "transactions": len(transactions),
            "waitlisted": await ground.value("allocation", "waiting"),
            "cpu_ms_per_1000": per_thousand(cpu, load.students),
            "peak_mb": peak.mb,
            "machine": shares(before, after),
        }
