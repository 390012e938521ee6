"""More and fewer instances, and relays that believe to lead when they do not."""

import asyncio
import signal
from typing import Final

from tests.faults.ground import Ground

ALLOCATIONS: Final = ("allocation", "allocation-2", "allocation-3")


async def the_number_of_allocations_changes(ground: Ground) -> None:
    """One, two, three, and back, some of them killed and some stopped; the pools go from hand to hand."""
    await ground.underway(0.1)
    steps = []
    for name in ALLOCATIONS[1:]:
        await ground.bed.add("allocation", name)
        steps.append(f"+{name}")
        await ground.pause(0.0, 1.0)
        if ground.draw.random() < 0.5:
            await ground.more(10)
    for name in ground.draw.sample(ALLOCATIONS, 2):
        number = ground.draw.choice((signal.SIGKILL, signal.SIGTERM))
        steps.append(f"-{name} ({number.name})")
        ground.witness(await ground.bed.kill(name, number), f"{name} did not run")
        await ground.pause(0.0, 0.7)
    ground.do(" ".join(steps))
    await ground.more(10)


async def two_intakes_write(ground: Ground) -> None:
    """Upstream goes to either, also with the same event, while one of them comes and goes."""
    await ground.bed.add("intake", "intake-2")
    await ground.underway(0.3)
    number = ground.draw.choice((signal.SIGKILL, signal.SIGTERM))
    ground.do(f"two intakes, the same events to both, then {number.name} of one")
    lanes = ground.stage.world.trial(ground.draw, 20, only_new=True)
    ground.lanes += lanes
    await asyncio.gather(*(ground.senders.race(lane) for lane in lanes))
    name = ground.draw.choice(("intake", "intake-2"))
    ground.witness(await ground.bed.kill(name, number), f"{name} did not run")


async def a_second_relay_publishes_too(ground: Ground) -> None:
    """It holds no lock and does not care: every event is published by both, each at its own pace."""
    service = ground.draw.choice(("intake", "allocation"))
    name = f"{service}-2"
    ground.do(f"two relays of {service}")
    await ground.bed.add(service, name, RAHNAMA_VICTIM_ROGUE="1")
    await ground.underway(0.9)
    leads = [await ground.metric("rahnama_relay_leads", each) for each in (service, name)]
    ground.witness(min(leads) >= 1, f"the relays of {service} published {leads} partitions, not both some")
    await ground.more(15)
    await ground.bed.kill(name, ground.draw.choice((signal.SIGKILL, signal.SIGTERM)))
