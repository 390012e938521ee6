"""Two faults at once: what each alone does not change, both together must not change either."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from tests.faults.ground import STRIKER, Ground
from tests.faults.kinds import databases, kills, links

SIMPLE: Final = (
    kills.a_service_is_killed,
    kills.kafka_is_killed,
    kills.postgres_is_killed,
    links.a_link_is_cut,
    links.a_link_is_refused_for_a_while,
    links.a_link_is_delayed,
    links.a_link_is_cut_in_the_middle_of_a_message,
    databases.backends_are_terminated,
)


async def two_faults_happen_at_once(ground: Ground) -> None:
    """Side by side, each at its own moments; one begins before the other is over."""
    faults = ground.draw.sample(SIMPLE, 2)
    ends = await asyncio.gather(*(_strike(ground, fault) for fault in faults))
    begins = [ground.began_at.get(fault.__name__, ends[number]) for number, fault in enumerate(faults)]
    ground.witness(max(begins) < min(ends), "one fault was over before the other began")


async def _strike(ground: Ground, fault: Callable[[Ground], Awaitable[None]]) -> float:
    """Returns when it was over, in the loop's time."""
    STRIKER.set(fault.__name__)  # `gather` gives each a context of its own
    await fault(ground)
    return asyncio.get_running_loop().time()
