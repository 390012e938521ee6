"""SIGKILL: at random moments, at named points, and of whoever leads."""

import asyncio
from collections.abc import Sequence
from typing import Final

from infra.services import NAMES
from tests.faults.fault_context import FaultContext
from tests.faults.points import points_of

DEATH_SECONDS: Final = 5.0
LOOKS: Final = 20
LOOK_SECONDS: Final = 0.1
PARTS: Final = (*NAMES, "kafka", "postgres")


async def a_service_is_killed(context: FaultContext) -> None:
    """At a random moment; it is started again a little later."""
    name = context.draw.choice(NAMES)
    await context.underway()
    context.do(f"SIGKILL {name}")
    context.witness(await context.proxied.kill(name), f"{name} did not run")
    await context.pause(0.0, 1.0)
    await context.proxied.start(name)


async def a_service_is_killed_at_a_named_point(context: FaultContext) -> None:
    """Twice, perhaps: the second time soon after it was started again."""
    name = context.draw.choice(NAMES)
    points = [context.draw.choice(points_of(name)) for _ in range(context.draw.choice((1, 1, 2)))]
    await context.underway(0.3)
    for point in points:
        count = context.draw.choice((1, 2, 3, 5, 8))
        context.do(f"SIGKILL {name} {point.name}, passage {count}")
        context.proxied.arm(name, point.name, count)
        died = await context.proxied.death(name, DEATH_SECONDS)
        context.witness(died, f"{name} did not pass '{point.name}' {count} times")
        if not died:
            await context.proxied.kill(name)
        await context.pause(0.0, 0.3)
        await context.proxied.start(name)


async def kafka_is_killed(context: FaultContext) -> None:
    """The broker, in the middle of everything."""
    await context.underway()
    context.do("SIGKILL kafka")
    context.witness(await context.proxied.kill("kafka"), "kafka did not run")
    await context.pause(0.0, 1.5)
    await context.proxied.start("kafka")


async def postgres_is_killed(context: FaultContext) -> None:
    """Its postmaster; the backends follow."""
    await context.underway()
    context.do("SIGKILL postgres")
    context.witness(await context.proxied.kill("postgres"), "postgres did not run")
    await context.pause(0.0, 1.5)
    await context.proxied.start("postgres")


async def everything_is_killed(context: FaultContext) -> None:
    """As in a power cut, but for what the page cache holds."""
    await context.underway()
    context.do("SIGKILL everything")
    ran = await asyncio.gather(*(context.proxied.kill(name) for name in PARTS))
    context.witness(all(ran), f"of {PARTS} there ran only {sum(ran)}")
    await asyncio.gather(*(context.proxied.start(name) for name in PARTS))


async def the_relays_leader_is_killed(context: FaultContext) -> None:
    """Of two instances the one that leads; the other publishes on."""
    service = context.draw.choice(("intake", "allocation"))
    second = f"{service}-2"
    await context.proxied.add(service, second)
    await context.underway()
    leads = await _leads(context, (service, second))
    leader = max(leads, key=lambda name: leads[name])
    context.witness(leads[leader] >= 1, f"neither instance of {service} led a partition")
    context.do(f"SIGKILL {leader}, which leads {leads[leader]:.0f} partitions")
    await context.proxied.kill(leader)
    await context.pause(0.5, 2.0)
    if leader == service:
        await context.proxied.start(service)


async def _leads(context: FaultContext, names: Sequence[str]) -> dict[str, float]:
    """How many partitions each instance leads; asked again for a while when none leads any, as between two leaders."""
    leads: dict[str, float] = {}
    for _ in range(LOOKS):
        leads = {name: await context.metric("rahnama_relay_leads", name) for name in names}
        if any(leads.values()):
            break
        await asyncio.sleep(LOOK_SECONDS)
    return leads
