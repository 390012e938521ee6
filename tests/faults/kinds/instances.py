"""More and fewer instances, and relays that believe to lead when they do not."""

import asyncio
import signal
from typing import Final

from tests.faults.fault_context import FaultContext

ALLOCATIONS: Final = ("allocation", "allocation-2", "allocation-3")


async def the_number_of_allocations_changes(context: FaultContext) -> None:
    """One, two, three, and back, some of them killed and some stopped; the pools go from hand to hand."""
    await context.underway(0.1)
    steps = []
    for name in ALLOCATIONS[1:]:
        await context.proxied.add("allocation", name)
        steps.append(f"+{name}")
        await context.pause(0.0, 1.0)
        if context.draw.random() < 0.5:
            await context.more(10)
    for name in context.draw.sample(ALLOCATIONS, 2):
        number = context.draw.choice((signal.SIGKILL, signal.SIGTERM))
        steps.append(f"-{name} ({number.name})")
        context.witness(await context.proxied.kill(name, number), f"{name} did not run")
        await context.pause(0.0, 0.7)
    context.do(" ".join(steps))
    await context.more(10)


async def two_intakes_write(context: FaultContext) -> None:
    """Upstream goes to either, also with the same event, while one of them comes and goes."""
    await context.proxied.add("intake", "intake-2")
    await context.underway(0.3)
    number = context.draw.choice((signal.SIGKILL, signal.SIGTERM))
    context.do(f"two intakes, the same events to both, then {number.name} of one")
    lanes = context.environment.workload.trial(context.draw, 20, only_new=True)
    context.lanes += lanes
    await asyncio.gather(*(context.senders.race(lane) for lane in lanes))
    name = context.draw.choice(("intake", "intake-2"))
    context.witness(await context.proxied.kill(name, number), f"{name} did not run")


async def a_second_relay_publishes_too(context: FaultContext) -> None:
    """It holds no lock and does not care: every event is published by both, each at its own pace."""
    service = context.draw.choice(("intake", "allocation"))
    name = f"{service}-2"
    context.do(f"two relays of {service}")
    await context.proxied.add(service, name, RAHNAMA_VICTIM_ROGUE="1")
    await context.underway(0.9)
    leads = [await context.metric("rahnama_relay_leads", each) for each in (service, name)]
    context.witness(min(leads) >= 1, f"the relays of {service} published {leads} partitions, not both some")
    await context.more(15)
    await context.proxied.kill(name, context.draw.choice((signal.SIGKILL, signal.SIGTERM)))
