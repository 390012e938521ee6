"""What the whole way carries here and now, in events a second: the measure of half a load and of an overload."""

import time

from tests.tools.bench.cohorts import CALIBRATION_TENANTS, make_load
from tests.tools.bench.ground import Ground


async def capacity(ground: Ground, students: int) -> float:
    """Sends so many students as fast as they are taken, and waits for the ledger. Leaves the system idle."""
    load = make_load(students, tenants=CALIBRATION_TENANTS)
    await ground.send_reference(load)
    await ground.chain.wait_for_ledger()
    begun = time.monotonic()
    sent = await ground.sender.send_all(load.pieces)
    await ground.chain.wait_for_ledger()
    seconds = time.monotonic() - begun
    ground.check_answers(load, sent)
    return load.events / seconds
