"""Connections between a service and a server: cut, refused, held up, delayed, and cut in the middle of a message."""

import asyncio
from typing import Final

from tests.faults.fault_context import FaultContext
from tests.faults.times import STOPPED_SECONDS
from tests.proxy import Proxy

LONGEST_DELAY_SECONDS: Final = 0.15


async def a_link_is_cut(context: FaultContext) -> None:
    """Several times; new connections are let in at once."""
    proxy = _choose(context)
    await context.underway()
    times = context.draw.randint(1, 4)
    context.do(f"cut {proxy.name} {times} times")
    cut = 0
    for _ in range(times):
        cut += proxy.cut()
        await context.pause(0.0, 0.7)
    context.witness(cut > 0, f"no link of {proxy.name} had carried anything")


async def a_link_is_refused_for_a_while(context: FaultContext) -> None:
    """As with a server that is gone, for one service alone."""
    proxy = _choose(context)
    await context.underway()
    context.do(f"refuse {proxy.name}")
    before = proxy.refused
    cut = proxy.refuse()
    await context.pause(0.5, 4.0)
    proxy.heal()
    context.witness(cut + proxy.refused - before > 0, f"{proxy.name} had no link, and nobody asked for one")


async def a_link_is_held_up(context: FaultContext) -> None:
    """Nothing passes and nobody is told, for longer than every time-out; then what was on its way arrives."""
    proxy = _choose(context)
    await context.underway()
    context.do(f"hold up {proxy.name}")
    before = proxy.disturbed
    proxy.hold_up()
    await context.pause(STOPPED_SECONDS, STOPPED_SECONDS + 1)
    proxy.heal()
    context.witness(proxy.disturbed > before, f"nothing was sent over {proxy.name}")


async def a_link_is_delayed(context: FaultContext) -> None:
    """Every piece of every message comes late."""
    proxy = _choose(context)
    await context.underway(0.2)
    seconds = context.draw.uniform(0.01, LONGEST_DELAY_SECONDS)
    context.do(f"delay {proxy.name} by {1000 * seconds:.0f} ms")
    before = proxy.disturbed
    proxy.delay(seconds)
    await context.pause(2.0, 4.0)
    proxy.heal()
    context.witness(proxy.disturbed > before, f"nothing was sent over {proxy.name}")


async def a_link_is_cut_in_the_middle_of_a_message(context: FaultContext) -> None:
    """After a number of bytes, again and again."""
    proxy = _choose(context)
    await context.underway(0.3)
    times = context.draw.randint(2, 6)
    context.do(f"cut {proxy.name} in the middle of {times} messages")
    before = proxy.disturbed
    for _ in range(times):
        proxy.cut_after(context.draw.choice((1, 100, 1_000, 5_000, 20_000)))
        await asyncio.sleep(context.draw.uniform(0.1, 0.5))
    proxy.heal()
    context.witness(proxy.disturbed > before, f"no message on {proxy.name} was cut")


def _choose(context: FaultContext) -> Proxy:
    place = context.draw.choice(sorted(context.proxied.proxies))
    return context.proxied.proxies[place]
