"""Allocation's one transaction against a real Postgres: what it keeps, and what an interruption leaves."""

import random

import asyncpg
import pytest

from shared.errors import StalePosition, Unapplicable
from tests.chains import Chain, mentor, student
from tests.integration.allocation.running import PARTITION, Allocation


def history(seed: int, students: int) -> Chain:
    """Mentors, students, students again with another group, mentors that close or change."""
    draw = random.Random(seed)
    chain = Chain("intake", PARTITION)
    versions: dict[int, int] = {}
    for number in range(students):
        if draw.random() < 0.2:
            chain.add_fact(
                mentor(
                    draw.randint(1, 12),
                    version=number + 1,
                    capacity=draw.randint(0, 4),
                    active=draw.random() < 0.8,
                    groups=draw.sample([21, 22, 23], 2),
                    centers=draw.sample([0, 1], draw.randint(1, 2)),
                )
            )
        person = draw.randint(1, students)
        versions[person] = versions.get(person, 0) + 1
        chain.add_fact(
            student(
                person,
                version=versions[person],
                year=draw.choice([1404, 1404, 1405]),
                group_code=draw.choice([21, 22, 23]),
                reg_center=draw.randint(0, 1),
            )
        )
    return chain


async def test_a_student_gets_the_mentor_and_the_next_one_waits(allocations: list[Allocation]) -> None:
    allocation = allocations[0]
    chain = Chain("intake", PARTITION)
    chain.add_fact(mentor(7, capacity=1))
    chain.add_fact(student(1))
    chain.add_fact(student(2))

    await allocation.apply(chain, await allocation.state(), 3)

    assert await allocation.statuses() == [("assigned", 7), ("waitlisted", None)]
    assert [event.sequence for event in allocation.published] == [1, 2]
    counter = await allocation.pool.fetchval("select counter from enrolments where mentor_id = 7")
    assert counter == "043730001"


async def test_other_batches_and_a_restart_between_them_give_the_same_bytes(
    allocations: list[Allocation],
) -> None:
    chain = history(seed=7, students=150)
    whole, pieces = allocations
    await whole.apply(chain, await whole.state(), len(chain.values))

    draw = random.Random(1)
    state = await pieces.state()
    while state.position.sequence < len(chain.values):
        await pieces.apply(chain, state, min(len(chain.values), state.position.sequence + draw.randint(1, 9)))
        if draw.random() < 0.3:
            state = await pieces.state()

    assert await pieces.values() == await whole.values()
    for table in ("mentors", "mentor_loads", "counters", "enrolments"):
        query = f"select * from {table} order by 1, 2, 3, 4"
        present = [dict(row) for row in await pieces.pool.fetch(query)]
        assert present == [dict(row) for row in await whole.pool.fetch(query)], table


async def test_nobody_is_beyond_capacity_unless_it_fell_and_loads_are_what_is_assigned(
    allocations: list[Allocation],
) -> None:
    allocation = allocations[0]
    chain = history(seed=11, students=200)
    await allocation.apply(chain, await allocation.state(), len(chain.values))
    wrong = await allocation.pool.fetch(
        "select mentor_id, year, load, assigned from mentor_loads full join"
        " (select mentor_id, year, count(*) as assigned from enrolments where status = 'assigned' group by 1, 2)"
        " as present using (mentor_id, year) where coalesce(load, 0) <> coalesce(assigned, 0)"
    )
    assert wrong == []


async def test_a_state_that_another_process_has_overtaken_commits_nothing(
    allocations: list[Allocation],
) -> None:
    allocation = allocations[0]
    chain = history(seed=3, students=20)
    zombie = await allocation.state()
    await allocation.apply(chain, await allocation.state(), 10)
    before = await allocation.values()

    with pytest.raises(StalePosition):
        await allocation.apply(chain, zombie, 12)

    assert await allocation.values() == before


async def test_a_partition_that_goes_from_one_instance_to_the_other_and_back_is_decided_as_by_one(
    allocations: list[Allocation],
) -> None:
    chain = history(seed=5, students=60)
    whole, first = allocations
    await whole.apply(chain, await whole.state(), len(chain.values))

    turns, used = [first, Allocation(first.pool)], list[object]()
    for turn, last in enumerate(range(10, len(chain.values) + 10, 10)):
        instance = turns[turn % 2]
        state = await instance.state()
        assert all(state.decider is not decider for decider in used), "the state of an earlier turn"
        used.append(state.decider)
        await instance.apply(chain, state, min(last, len(chain.values)))

    assert await first.values() == await whole.values()


async def test_a_fact_that_cannot_be_read_is_named_and_changes_nothing(
    allocations: list[Allocation],
) -> None:
    allocation = allocations[0]
    chain = Chain("intake", PARTITION)
    chain.add_fact(mentor(1))
    chain.add("rahnama.intake.student.teleported.v9", "student/x", b"{}")

    with pytest.raises(Unapplicable, match=r"sequence 2: this release knows no type"):
        await allocation.apply(chain, await allocation.state(), 2)

    assert (await allocation.state()).position.sequence == 0


async def test_the_services_role_cannot_change_or_delete_a_decision(allocations: list[Allocation]) -> None:
    for statement in ("update log set value = ''", "delete from log", "truncate log"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await allocations[0].pool.execute(statement)


async def test_a_student_who_waits_in_both_pools_in_one_batch_has_in_each_the_funnel_of_its_own_pool(
    allocations: list[Allocation],
) -> None:
    allocation = allocations[0]
    girls, boys = Chain("intake", PARTITION), Chain("intake", PARTITION + 1)
    girls.add_fact(student(1))
    boys.add_fact(mentor(7, gender=1, capacity=0))
    boys.add_fact(student(1, gender=1))

    await allocation.inbox.apply(
        [chain.slice(await allocation.state(chain.partition), len(chain.values)) for chain in (girls, boys)]
    )

    rows = await allocation.pool.fetch(
        "select (funnel ->> 'GENDER_MATCH')::int as n from enrolments order by gender"
    )
    assert [row["n"] for row in rows] == [0, 1]
