"""SIGKILL: at random moments, at named points, and of whoever leads."""

import asyncio
from collections.abc import Sequence
from typing import Final

from infra.services import NAMES
from tests.faults.ground import Ground
from tests.faults.points import points_of

DEATH_SECONDS: Final = 5.0
LOOKS: Final = 20
LOOK_SECONDS: Final = 0.1
PARTS: Final = (*NAMES, "kafka", "postgres")


async def a_service_is_killed(ground: Ground) -> None:
    """At a random moment; it is started again a little later."""
    name = ground.draw.choice(NAMES)
    await ground.underway()
    ground.do(f"SIGKILL {name}")
    ground.witness(await ground.bed.kill(name), f"{name} did not run")
    await ground.pause(0.0, 1.0)
    await ground.bed.start(name)


async def a_service_is_killed_at_a_named_point(ground: Ground) -> None:
    """Twice, perhaps: the second time soon after it was started again."""
    name = ground.draw.choice(NAMES)
    points = [ground.draw.choice(points_of(name)) for _ in range(ground.draw.choice((1, 1, 2)))]
    await ground.underway(0.3)
    for point in points:
        count = ground.draw.choice((1, 2, 3, 5, 8))
        ground.do(f"SIGKILL {name} {point.name}, passage {count}")
        ground.bed.arm(name, point.name, count)
        died = await ground.bed.death(name, DEATH_SECONDS)
        ground.witness(died, f"{name} did not pass '{point.name}' {count} times")
        if not died:
            await ground.bed.kill(name)
        await ground.pause(0.0, 0.3)
        await ground.bed.start(name)


async def kafka_is_killed(ground: Ground) -> None:
    """The broker, in the middle of everything."""
    await ground.underway()
    ground.do("SIGKILL kafka")
    ground.witness(await ground.bed.kill("kafka"), "kafka did not run")
    await ground.pause(0.0, 1.5)
    await ground.bed.start("kafka")


async def postgres_is_killed(ground: Ground) -> None:
    """Its postmaster; the backends follow."""
    await ground.underway()
    ground.do("SIGKILL postgres")
    ground.witness(await ground.bed.kill("postgres"), "postgres did not run")
    await ground.pause(0.0, 1.5)
    await ground.bed.start("postgres")


async def everything_is_killed(ground: Ground) -> None:
    """As in a power cut, but for what the page cache holds."""
    await ground.underway()
    ground.do("SIGKILL everything")
    ran = await asyncio.gather(*(ground.bed.kill(name) for name in PARTS))
    ground.witness(all(ran), f"of {PARTS} there ran only {sum(ran)}")
    await asyncio.gather(*(ground.bed.start(name) for name in PARTS))


async def the_relays_leader_is_killed(ground: Ground) -> None:
    """Of two instances the one that leads; the other publishes on."""
    service = ground.draw.choice(("intake", "allocation"))
    second = f"{service}-2"
    await ground.bed.add(service, second)
    await ground.underway()
    leads = await _leads(ground, (service, second))
    leader = max(leads, key=lambda name: leads[name])
    ground.witness(leads[leader] >= 1, f"neither instance of {service} led a partition")
    ground.do(f"SIGKILL {leader}, which leads {leads[leader]:.0f} partitions")
    await ground.bed.kill(leader)
    await ground.pause(0.5, 2.0)
    if leader == service:
        await ground.bed.start(service)


async def _leads(ground: Ground, names: Sequence[str]) -> dict[str, float]:
    """How many partitions each instance leads; asked again for a while when none leads any, as between two leaders."""
    leads: dict[str, float] = {}
    for _ in range(LOOKS):
        leads = {name: await ground.metric("rahnama_relay_leads", name) for name in names}
        if any(leads.values()):
            break
        await asyncio.sleep(LOOK_SECONDS)
    return leads
