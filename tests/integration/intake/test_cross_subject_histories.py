"""Two instances at once: whoever meets, nobody dead-locks, and all of it is as if the events had come one by one."""

import asyncio
from collections import Counter
from random import Random

import pytest
import pytest_asyncio

from infra.local.databases import Databases, ServiceDatabase
from services.intake.append.idempotency import Result
from tests.integration.intake.folded import LOG, require_projections
from tests.integration.intake.harness import Event, prepare
from tests.integration.intake.histories import HISTORIES, Maker, Senders
from tests.integration.intake.instances import Instance, deadlocks, instance, new_master, rows
from tests.integration.intake.serial import observe, serial_order

ROUNDS = 10


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(module_databases: Databases) -> ServiceDatabase:
    """A migrated database of intake; each round has tenants of its own in it."""
    await prepare(module_databases.intake)
    return module_databases.intake


def tenants(history: str, number: int) -> tuple[str, str]:
    """The tenants of one round. Nothing of another round is in their way."""
    return f"{history}{number}a".replace("_", ""), f"{history}{number}b".replace("_", "")


async def play(sender: list[list[Event]], at: Instance) -> list[tuple[Event, Result]]:
    """Sends one batch after the other."""
    answered: list[tuple[Event, Result]] = []
    for batch in sender:
        answered += zip(batch, await at.send(batch), strict=True)
    return answered


@pytest.mark.parametrize("history", HISTORIES)
async def test_concurrent_histories_end_as_some_serial_order_would(
    database: ServiceDatabase, history: str
) -> None:
    names = [tenants(history, number) for number in range(ROUNDS)]
    everyone = [tenant for pair in names for tenant in pair]
    master = new_master()
    happened: Counter[str] = Counter()
    async with (
        instance(database, master, everyone) as one,
        instance(database, master, everyone) as two,
    ):
        for number, pair in enumerate(names):
            senders: Senders = HISTORIES[history](Maker(Random(f"{history}-{number}"), pair))
            played = await asyncio.gather(
                *(play(sender, (one, two)[place % 2]) for place, sender in enumerate(senders))
            )
            log = await rows(database, LOG.replace("from log", "from log where tenant = any($1)"), list(pair))
            observed = observe(played, log)
            assert len(serial_order(observed)) == sum(len(batch) for sender in senders for batch in sender)
            happened.update(row["type"] for row in log)
            happened["reissued"] += sum(item.result.reissued or 0 for sender in observed for item in sender)
        lost = one.lost + two.lost
    await require_projections(database)
    assert lost["DeadlockDetectedError"] == 0
    assert await deadlocks(database) == 0
    assert set(lost) <= {"UniqueViolationError", "Conflict"}, lost
    assert happened["reissued"] or history in ("genders", "opposites"), "nothing crossed subjects"
