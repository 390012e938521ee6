"""For the contract tests of Kafka's double."""

import asyncio

import pytest

from tests.integration.simulation.kafka_sides import RealSide
from tests.integration.simulation.kafkas import RunContract, Script, run_on, run_on_double


@pytest.fixture(params=["double", "real"])
def run_contract(request: pytest.FixtureRequest) -> RunContract:
    """Runs a script of the contract on one side. The broker starts only for the real one."""
    bootstrap: str | None = None
    if request.param == "real":
        bootstrap = request.getfixturevalue("kafka_bootstrap")

    async def run(script: Script) -> None:
        if bootstrap is None:
            await asyncio.to_thread(run_on_double, script)
        else:
            await run_on(RealSide(bootstrap), script)

    return run
