"""Audit compares every event that comes again with its ledger: another one at that sequence is a fork."""

import asyncio

from shared.contracts.envelope import leaf_hash
from tests.chains import Chain
from tests.integration.audit.running import Audit, history

SECONDS = 20


async def held(audit: Audit) -> str:
    async with asyncio.timeout(SECONDS):
        while True:
            if found := (await audit.client.get("/readyz")).json().get("held"):
                return "\n".join(found)
            await asyncio.sleep(0.05)


async def test_the_true_event_behind_a_forged_one_is_a_fork(audit: Audit) -> None:
    chain = history("intake", 0, 5)
    forged = Chain("intake", 0, list(chain.values))
    forged.add("rahnama.intake.unheard-of.v1", "mentor/1", b'{"forged":true}')
    await audit.keep(forged)
    chain.add("rahnama.intake.unheard-of.v1", "mentor/1", b'{"forged":false}')
    chain.add("rahnama.intake.unheard-of.v1", "mentor/2", b"{}")
    await audit.publish(chain, chain.values[5:])
    told = await held(audit)
    assert "partition 0 of intake is held at sequence 6" in told
    assert f"its hash is {leaf_hash(chain.values[5]).hex()}" in told
    assert f"{leaf_hash(forged.values[5]).hex()} was applied" in told


async def test_another_event_at_an_old_sequence_is_a_fork_and_true_repeats_are_skipped(audit: Audit) -> None:
    chain = history("allocation", 3, 40)
    forged = history("allocation", 3, 40, tenants=("forged",))
    await audit.keep(chain)
    await audit.publish(chain, [*chain.values[:20], forged.values[2]])
    told = await held(audit)
    assert "partition 3 of allocation is held at sequence 3" in told
    assert leaf_hash(chain.values[2]).hex() in told
    assert leaf_hash(forged.values[2]).hex() in told
