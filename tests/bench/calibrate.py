"""What the whole way carries here and now, in events a second: the measure of half a load and of an overload."""

import time

from tests.bench.cohorts import make_load
from tests.bench.ground import Ground

SEED = 9_000
ROOM = 50.0
"""So much more may come afterwards without a longer waitlist."""


async def capacity(ground: Ground, students: int) -> float:
    """Sends so many students as fast as they are taken, and waits for the ledger. Leaves the system idle."""
    load = make_load(students, seed=SEED, room=ROOM)
    await ground.send_reference(load)
    await ground.chain.wait_for_ledger()
    begun = time.monotonic()
    await ground.sender.send_all(load.pieces)
    await ground.chain.wait_for_ledger()
    return load.events / (time.monotonic() - begun)
