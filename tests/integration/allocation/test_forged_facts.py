"""Allocation compares facts that come again with the hashes of the last ones: another one is a fork."""

import asyncio

from shared.contracts.envelope import leaf_hash
from tests.chains import Chain, mentor, student
from tests.integration.allocation.running import PARTITION, Service

SECONDS = 20


async def held(service: Service) -> str:
    async with asyncio.timeout(SECONDS):
        while True:
            if found := (await service.client.get("/readyz")).json().get("held"):
                return "\n".join(found)
            await asyncio.sleep(0.05)


async def test_the_true_fact_behind_a_forged_one_is_a_fork(service: Service) -> None:
    chain = Chain("intake", PARTITION)
    chain.add_fact(mentor(7))
    chain.add_fact(student(1))
    forged = Chain("intake", PARTITION, list(chain.values))
    forged.add_fact(mentor(7, capacity=0))
    forged.add_fact(student(9))
    await service.publish(forged)
    await service.wait_for(4)
    chain.add_fact(student(2))
    chain.add_fact(student(3))
    await service.publish(chain)
    told = await held(service)
    assert f"partition {PARTITION} of intake is held at sequence 3" in told
    assert f"its hash is {leaf_hash(chain.values[2]).hex()}" in told
    assert f"{leaf_hash(forged.values[2]).hex()} was applied" in told
    summary = (await service.get("/v1/summary?year=1404")).json()
    assert summary["students"] == 2


async def test_true_facts_that_come_again_are_skipped(service: Service) -> None:
    chain = Chain("intake", PARTITION)
    chain.add_fact(mentor(7))
    chain.add_fact(student(1))
    await service.publish(chain)
    await service.wait_for(2)
    chain.add_fact(student(2))
    await service.publish(chain)
    await service.wait_for(3)
    assert (await service.client.get("/readyz")).json().get("held") is None
