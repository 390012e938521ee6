"""Audit alone: both logs are on their topics before it starts; records a second into the ledger and its trees."""

from tests.tools.bench.cohorts import make_load
from tests.tools.bench.figures import Figures, per_thousand, steady_rate
from tests.tools.bench.harness import new_harness
from tests.tools.bench.processes import PeakMemory, shares, spent
from tests.tools.bench.sizes import Sizes


async def run(sizes: Sizes) -> Figures:
    """From the end of its first transaction to the end of its last; CPU without that of its start."""
    load = make_load(sizes.alone)
    async with new_harness() as harness:
        start_cpu = harness.usage().cpu["audit"]
        await harness.stop("audit")
        await harness.send_reference(load)
        sent = await harness.sender.send_all(load.pieces)
        await harness.until_relayed()
        await harness.until_applied("allocation", "intake")
        await harness.until_relayed("allocation")
        await harness.stop("intake", "allocation")
        before = harness.usage()
        async with PeakMemory(harness.system) as peak:
            await harness.system.start_part("audit")
            for source in ("intake", "allocation"):
                await harness.until_applied("audit", source)
            after = harness.usage()
        harness.check_answers(load, sent)
        await harness.check_students(load.students)
        transactions = await harness.transactions("audit")
        records = sum(transaction.rows for transaction in transactions)
        cpu = spent(before, after)
        cpu["audit"] -= start_cpu
        for producer in ("intake", "allocation"):  # a verification reads their logs, too
            await harness.system.start_part(producer)
        return {
            "records": records,
            "records_per_second": round(steady_rate(transactions)),
            "transactions": len(transactions),
            "cpu_ms_per_1000": per_thousand(cpu, records),
            "peak_mb": peak.mb,
            "proof": await harness.check_proof(),
            "machine": shares(before, after),
        }
