"""SIGKILL: at random moments, at named points, and of whoever leads."""

import asyncio
from typing import Final

from infra.local.databases import SERVICES
from tests.faults.ground import Ground
from tests.faults.points import points_of

DEATH_SECONDS: Final = 5.0
PARTS: Final = (*SERVICES, "kafka", "postgres")


async def a_service_is_killed(ground: Ground) -> None:
    """At a random moment; it is started again a little later."""
    name = ground.draw.choice(SERVICES)
    await ground.underway()
    ground.do(f"SIGKILL {name}")
    await ground.bed.kill(name)
    await ground.pause(0.0, 1.0)
    await ground.bed.start(name)


async def a_service_is_killed_at_a_named_point(ground: Ground) -> None:
    """Twice, perhaps: the second time soon after it was started again."""
    name = ground.draw.choice(SERVICES)
    points = [ground.draw.choice(points_of(name)) for _ in range(ground.draw.choice((1, 1, 2)))]
    await ground.underway(0.3)
    for point in points:
        count = ground.draw.choice((1, 2, 3, 5, 8))
        ground.do(f"SIGKILL {name} {point.name}, passage {count}")
        ground.bed.arm(name, point.name, count)
        if not await ground.bed.death(name, DEATH_SECONDS):
            ground.notes.append(f"{name} did not pass '{point.name}' {count} times; killed anyway")
            await ground.bed.kill(name)
        await ground.pause(0.0, 0.3)
        await ground.bed.start(name)


async def kafka_is_killed(ground: Ground) -> None:
    """The broker, in the middle of everything."""
    await ground.underway()
    ground.do("SIGKILL kafka")
    await ground.bed.kill("kafka")
    await ground.pause(0.0, 1.5)
    await ground.bed.start("kafka")


async def postgres_is_killed(ground: Ground) -> None:
    """Its postmaster; the backends follow."""
    await ground.underway()
    ground.do("SIGKILL postgres")
    await ground.bed.kill("postgres")
    await ground.pause(0.0, 1.5)
    await ground.bed.start("postgres")


async def everything_is_killed(ground: Ground) -> None:
    """As in a power cut, but for what the page cache holds."""
    await ground.underway()
    ground.do("SIGKILL everything")
    await asyncio.gather(*(ground.bed.kill(name) for name in PARTS))
    await asyncio.gather(*(ground.bed.start(name) for name in PARTS))


async def the_relays_leader_is_killed(ground: Ground) -> None:
    """Of two instances the one that leads; the other publishes on."""
    service = ground.draw.choice(("intake", "allocation"))
    second = f"{service}-2"
    await ground.bed.add(service, second)
    await ground.underway()
    leads = {name: await ground.metric("rahnama_relay_leads", name) for name in (service, second)}
    leader = max(leads, key=lambda name: leads[name])
    ground.do(f"SIGKILL {leader}, which leads {leads[leader]:.0f} partitions")
    await ground.bed.kill(leader)
    await ground.pause(0.5, 2.0)
    if leader == service:
        await ground.bed.start(service)
