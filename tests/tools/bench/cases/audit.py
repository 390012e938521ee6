"""Audit alone: both logs are on their topics before it starts; records a second into the ledger and its trees."""

from tests.tools.bench.cohorts import make_load
from tests.tools.bench.figures import Figures, per_thousand, steady_rate
from tests.tools.bench.ground import new_ground
from tests.tools.bench.processes import PeakMemory, shares, spent
from tests.tools.bench.sizes import Sizes


async def run(sizes: Sizes) -> Figures:
    """From the end of its first transaction to the end of its last; CPU without that of its start."""
    load = make_load(sizes.alone)
    async with new_ground() as ground:
        start_cpu = ground.usage().cpu["audit"]
        await ground.stop("audit")
        await ground.send_reference(load)
        sent = await ground.sender.send_all(load.pieces)
        await ground.until_relayed()
        await ground.until_applied("allocation", "intake")
        await ground.until_relayed("allocation")
        await ground.stop("intake", "allocation")
        before = ground.usage()
        async with PeakMemory(ground.system) as peak:
            await ground.system.start_part("audit")
            for source in ("intake", "allocation"):
                await ground.until_applied("audit", source)
            after = ground.usage()
        ground.check_answers(load, sent)
        await ground.check_students(load.students)
        transactions = await ground.transactions("audit")
        records = sum(transaction.rows for transaction in transactions)
        cpu = spent(before, after)
        cpu["audit"] -= start_cpu
        for producer in ("intake", "allocation"):  # a verification reads their logs, too
            await ground.system.start_part(producer)
        return {
            "records": records,
            "records_per_second": round(steady_rate(transactions)),
            "transactions": len(transactions),
            "cpu_ms_per_1000": per_thousand(cpu, records),
            "peak_mb": peak.mb,
            "proof": await ground.check_proof(),
            "machine": shares(before, after),
        }
