"""What goes wrong, when, and how often: decided by the seed."""

import asyncio
import random
from collections import Counter

from tests.simulation.world import World


class Faults:
    """Runs for a while; then everything is whole again."""

    def __init__(self, world: World, chance: random.Random, *, enabled: bool) -> None:
        self._world = world
        self._chance = chance
        self._enabled = enabled
        self.counted: Counter[str] = Counter()
        self.inbound_made_anew = 0

    async def run(self) -> None:
        """Returns when nothing goes wrong any more."""
        await asyncio.sleep(0)
