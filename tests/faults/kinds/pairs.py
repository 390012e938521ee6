"""Two faults at once: what each alone does not change, both together must not change either."""

import asyncio
from typing import Final

from tests.faults.ground import Ground
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
    """Side by side, each at its own moments."""
    first, second = ground.draw.sample(SIMPLE, 2)
    await asyncio.gather(first(ground), second(ground))
