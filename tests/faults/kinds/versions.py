"""An event that this release does not know: it waits, held back, for the release that does."""

import signal

from tests.faults.fault_context import FaultContext
from tests.faults.kinds.alarms import require
from tests.faults.releases import V2


async def a_fact_of_the_next_release_waits_for_it(context: FaultContext) -> None:
    """Intake is of the next release already, allocation not: its partition is held, and goes on when one comes."""
    proxied = context.proxied
    await context.underway(0.4)
    context.do(f"intake of the next release writes {V2}")
    await proxied.kill("intake", context.draw.choice((signal.SIGTERM, signal.SIGKILL)))
    proxied.release("intake", "next")
    await proxied.start("intake")
    written = await context.a_new_mentor()
    await _require_held(context, written)
    context.witness(True, "the partition is required to be held above")
    newer = "allocation" if context.draw.random() < 0.5 else "allocation-2"
    context.do(f"{newer} of the next release starts")
    await proxied.kill("allocation", context.draw.choice((signal.SIGTERM, signal.SIGKILL)))
    if newer == "allocation":
        proxied.release("allocation", "next")
        await proxied.start("allocation")
    else:
        await proxied.add("allocation", newer, RAHNAMA_VICTIM_RELEASE="next")
    await context.quiet()


async def _require_held(context: FaultContext, partition: int) -> None:
    """With an alarm that names the type, and the others go on."""

    async def attempt() -> bool:
        return any(
            told["partition"] == partition and V2 in str(told["reason"])
            for told in context.alarms("allocation", "partition_held")
        )

    await require(attempt, f"allocation did not hold partition {partition} at {V2}")
