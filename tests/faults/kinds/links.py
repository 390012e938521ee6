"""Connections between a service and a server: cut, refused, held up, delayed, and cut in the middle of a message."""

import asyncio
from typing import Final

from tests.faults.ground import Ground
from tests.faults.proxy import Proxy
from tests.faults.times import STOPPED_SECONDS

LONGEST_DELAY_SECONDS: Final = 0.15


async def a_link_is_cut(ground: Ground) -> None:
    """Several times; new connections are let in at once."""
    proxy = _choose(ground)
    await ground.underway()
    times = ground.draw.randint(1, 4)
    ground.do(f"cut {proxy.name} {times} times")
    for _ in range(times):
        proxy.cut()
        await ground.pause(0.0, 0.7)


async def a_link_is_refused_for_a_while(ground: Ground) -> None:
    """As with a server that is gone, for one service alone."""
    proxy = _choose(ground)
    await ground.underway()
    ground.do(f"refuse {proxy.name}")
    proxy.refuse()
    await ground.pause(0.5, 4.0)
    proxy.heal()


async def a_link_is_held_up(ground: Ground) -> None:
    """Nothing passes and nobody is told, for longer than every time-out; then what was on its way arrives."""
    proxy = _choose(ground)
    await ground.underway()
    ground.do(f"hold up {proxy.name}")
    proxy.hold_up()
    await ground.pause(STOPPED_SECONDS, STOPPED_SECONDS + 1)
    proxy.heal()


async def a_link_is_delayed(ground: Ground) -> None:
    """Every piece of every message comes late."""
    proxy = _choose(ground)
    await ground.underway(0.2)
    seconds = ground.draw.uniform(0.01, LONGEST_DELAY_SECONDS)
    ground.do(f"delay {proxy.name} by {1000 * seconds:.0f} ms")
    proxy.delay(seconds)
    await ground.pause(2.0, 4.0)
    proxy.heal()


async def a_link_is_cut_in_the_middle_of_a_message(ground: Ground) -> None:
    """After a number of bytes, again and again."""
    proxy = _choose(ground)
    await ground.underway(0.3)
    times = ground.draw.randint(2, 6)
    ground.do(f"cut {proxy.name} in the middle of {times} messages")
    for _ in range(times):
        proxy.cut_after(ground.draw.choice((1, 100, 1_000, 5_000, 20_000)))
        await asyncio.sleep(ground.draw.uniform(0.1, 0.5))
    proxy.heal()


def _choose(ground: Ground) -> Proxy:
    place = ground.draw.choice(sorted(ground.bed.proxies))
    return ground.bed.proxies[place]
