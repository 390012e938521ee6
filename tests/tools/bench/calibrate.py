"""What the whole way carries here and now, in events a second: the measure of half a load and of an overload."""

import time

from tests.tools.bench.cohorts import CALIBRATION_TENANTS, make_load
from tests.tools.bench.harness import Harness


async def capacity(harness: Harness, students: int) -> float:
    """Sends so many students as fast as they are taken, and waits for the ledger. Leaves the system idle."""
    load = make_load(students, tenants=CALIBRATION_TENANTS)
    await harness.send_reference(load)
    await harness.chain.wait_for_ledger()
    begun = time.monotonic()
    sent = await harness.sender.send_all(load.pieces)
    await harness.chain.wait_for_ledger()
    seconds = time.monotonic() - begun
    harness.check_answers(load, sent)
    return load.events / seconds
