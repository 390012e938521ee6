"""Two faults at once: what each alone does not change, both together must not change either."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from tests.faults.fault_context import STRIKER, FaultContext
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


AFTER_SECONDS: Final = 0.5
"""For so long clients are still busy with a cut that is over at once."""


async def two_faults_happen_at_once(context: FaultContext) -> None:
    """Side by side: they strike first together, then each at its own moments."""
    faults = context.draw.sample(SIMPLE, 2)
    context.together = asyncio.Barrier(len(faults))
    ends = await asyncio.gather(*(_strike(context, fault) for fault in faults))
    begins = [context.began_at.get(fault.__name__, ends[number]) for number, fault in enumerate(faults)]
    context.witness(max(begins) < min(ends) + AFTER_SECONDS, "one fault was over before the other began")


async def _strike(context: FaultContext, fault: Callable[[FaultContext], Awaitable[None]]) -> float:
    """Returns when it was over, in the loop's time."""
    STRIKER.set(fault.__name__)  # `gather` gives each a context of its own
    await fault(context)
    return asyncio.get_running_loop().time()
