"""An event that this release does not know: it waits, held back, for the release that does."""

import signal

from tests.faults.ground import Ground
from tests.faults.kinds.alarms import require
from tests.faults.releases import V2


async def a_fact_of_the_next_release_waits_for_it(ground: Ground) -> None:
    """Intake is of the next release already, allocation not: its partition is held, and goes on when one comes."""
    bed = ground.bed
    await ground.underway(0.4)
    ground.do(f"intake of the next release writes {V2}")
    await bed.kill("intake", ground.draw.choice((signal.SIGTERM, signal.SIGKILL)))
    bed.release("intake", "next")
    await bed.start("intake")
    written = await ground.a_new_mentor()
    await _require_held(ground, written)
    ground.witness(True, "the partition is required to be held above")
    newer = "allocation" if ground.draw.random() < 0.5 else "allocation-2"
    ground.do(f"{newer} of the next release starts")
    await bed.kill("allocation", ground.draw.choice((signal.SIGTERM, signal.SIGKILL)))
    if newer == "allocation":
        bed.release("allocation", "next")
        await bed.start("allocation")
    else:
        await bed.add("allocation", newer, RAHNAMA_VICTIM_RELEASE="next")
    await ground.quiet()


async def _require_held(ground: Ground, partition: int) -> None:
    """With an alarm that names the type, and the others go on."""

    async def attempt() -> bool:
        return any(
            told["partition"] == partition and V2 in str(told["reason"])
            for told in ground.alarms("allocation", "partition_held")
        )

    await require(attempt, f"allocation did not hold partition {partition} at {V2}")
