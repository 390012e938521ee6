"""Every query on the way of an event gives the same over the simulation's double as over PostgreSQL."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.integration.simulation.both import Open, on_both, outcome, prepare
from tests.integration.simulation.steps import STEPS, Copy, Step
from tests.simulation.queries import FILES, queries_of

if TYPE_CHECKING:
    from infra.local.databases import Databases


class Said(NamedTuple):
    """What one step gave, and which."""

    step: str
    result: Any


def script_of(steps: Sequence[Step | Copy]) -> Any:
    async def script(open_one: Open) -> list[Said]:
        connection = await open_one()
        said = []
        for step in steps:
            if isinstance(step, Copy):
                work = connection.copy_records_to_table(
                    step.table, records=step.records, columns=step.columns
                )
                said.append(Said(step.table, await outcome(work)))
                continue
            query = queries_of(step.package, step.file)[step.name]
            if step.many:
                said.append(Said(step.name, await outcome(connection.executemany(query, step.arguments))))
            elif step.changes:
                result = await outcome(connection.execute(query, *step.arguments))
                said.append(Said(step.name, result.split()[-1] if isinstance(result, str) else result))
            else:
                rows = await outcome(connection.fetch(query, *step.arguments))
                said.append(Said(step.name, rows if step.ordered else sorted(rows, key=repr)))
        return said

    return script


@pytest.mark.parametrize("service", ["intake", "allocation", "audit"])
async def test_every_step_gives_the_same(databases: "Databases", service: str) -> None:
    database = databases.of(service)
    await prepare(database, service)
    double, real = await on_both(database, service, script_of(STEPS[service]))
    for mine, theirs in zip(double, real, strict=True):
        assert mine == theirs


def test_every_query_has_a_step() -> None:
    taken = {
        (step.package, step.file, step.name)
        for steps in STEPS.values()
        for step in steps
        if isinstance(step, Step)
    }
    known = {(package, file, name) for package, file in FILES for name in queries_of(package, file)}
    assert known - taken == set()
