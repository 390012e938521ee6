"""Students that leave, come back, and move between the two pools of a tenant, on real Postgres and Kafka."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pytest

from services.allocation.append.writer import AllocationPartition
from services.allocation.query.reads import QUERIES
from shared.contracts.facts import StudentWithdrawnFact
from tests.chains import Chain, mentor, partition_of, student
from tests.integration.allocation.running import PARTITION, Allocation, Service
from tests.oracle.histories import YEARS
from tests.oracle.intake_model import World
from tests.oracle.naive import NaivePool

BOYS = partition_of("default", 1)


def chains_of(world: World) -> list[Chain]:
    """The facts of both pools at their places, the girls' first."""
    chains = [Chain("intake", partition_of("default", gender)) for gender in (0, 1)]
    for gender, facts in world.facts.items():
        for fact in facts:
            chains[gender].add_fact(fact)
    return chains


def a_world(seed: int, happenings: int) -> World:
    world, random = World(), Random(seed)
    for _ in range(happenings):
        world.anything(random.randrange(2**32))
    return world


async def decide_in_pieces(allocation: Allocation, chains: Sequence[Chain], random: Random) -> None:
    """Batches of any size, the pools in any order, and a restart now and then."""
    states: dict[int, AllocationPartition] = {}
    while True:
        for chain in chains:
            if chain.partition not in states or random.random() < 0.2:
                states[chain.partition] = await allocation.state(chain.partition)
        left = [chain for chain in chains if states[chain.partition].position.sequence < len(chain.values)]
        if not left:
            return
        chain = random.choice(left)
        state = states[chain.partition]
        last = min(len(chain.values), state.position.sequence + random.randint(1, 12))
        await allocation.apply(chain, state, last)
        await require_that_reads_agree(allocation)


async def require_that_reads_agree(allocation: Allocation) -> None:
    """Every student is shown once a year, and each list shows it as the others do, also while one pool is behind."""
    for year in YEARS:
        rows = await allocation.pool.fetch(QUERIES["allocations"], "default", year, None, None, None, 500)
        shown = {row["student_id"]: row for row in rows}
        assert len(shown) == len(rows)
        counted = await allocation.pool.fetch(QUERIES["students_by_status"], "default", year, None)
        assert sum(row["students"] for row in counted) == len(shown)
        waiting = await allocation.pool.fetch(QUERIES["waitlist"], "default", year, -1, 0, None, 500)
        assert ids_of(waiting) == ids_of(row for row in rows if row["status"] == "waitlisted")
        for mentor_id in {row["mentor_id"] for row in rows} - {None}:
            theirs = await allocation.pool.fetch(
                QUERIES["mentor_students"], "default", mentor_id, year, 0, 0, None, 500
            )
            assert ids_of(theirs) == ids_of(row for row in rows if row["mentor_id"] == mentor_id)


def ids_of(rows: Any) -> list[str]:
    return sorted(row["student_id"] for row in rows)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_moves_are_kept_and_shown_as_the_naive_engine_decides_them_wherever_batches_end(
    allocations: list[Allocation], seed: int
) -> None:
    world = a_world(seed, 150)
    chains = chains_of(world)
    whole, pieces = allocations
    for chain in chains:
        await whole.apply(chain, await whole.state(chain.partition), len(chain.values))
    await decide_in_pieces(pieces, chains, Random(seed))

    assert await pieces.values() == await whole.values()
    for table in ("mentors", "mentor_loads", "counters", "enrolments"):
        query = f"select * from {table} order by 1, 2, 3, 4"
        present = [dict(row) for row in await pieces.pool.fetch(query)]
        assert present == [dict(row) for row in await whole.pool.fetch(query)], table
    for year in YEARS:
        rows = await pieces.pool.fetch(QUERIES["allocations"], "default", year, None, None, None, 500)
        shown = {
            row["student_id"]: (row["version"], row["status"], row["mentor_id"], row["counter"])
            for row in rows
        }
        assert shown == expected(naive_pools(world), year)


def naive_pools(world: World) -> dict[int, NaivePool]:
    pools = {gender: NaivePool(gender) for gender in (0, 1)}
    for gender, facts in world.facts.items():
        for sequence, fact in enumerate(facts, 1):
            pools[gender].handle(sequence, fact)
    return pools


def expected(pools: Mapping[int, NaivePool], year: int) -> dict[str, tuple[int, str, int | None, str | None]]:
    """Of each student what the pool says of it that knows the newest version."""
    found: dict[str, tuple[int, str, int | None, str | None]] = {}
    for pool in pools.values():
        for row in pool.students:
            name = row.fact.student_id
            if row.fact.year == year and row.version > found.get(name, (0,))[0]:
                found[name] = row.version, row.status, row.mentor_id, pool.counters.get(name)
    return found


async def test_the_last_chosen_mentors_of_each_year_are_known_after_a_restart(
    allocations: list[Allocation],
) -> None:
    chain = Chain("intake", PARTITION)
    for fact in (mentor(1), mentor(2), student(1), student(2), student(1, year=1405)):
        chain.add_fact(fact)
    await allocations[0].apply(chain, await allocations[0].state(), 4)
    assert (await allocations[0].state()).decider.pool("default").last_chosen == {1404: 2}
    await allocations[0].apply(chain, await allocations[0].state(), 5)
    assert (await allocations[0].state()).decider.pool("default").last_chosen == {1404: 2, 1405: 1}


async def test_a_counter_that_another_year_brings_is_shown_of_the_year_that_had_ended_before(
    allocations: list[Allocation],
) -> None:
    chain = Chain("intake", PARTITION)
    chain.add_fact(student(1))
    chain.add_fact(student(1, year=1405, version=2))
    chain.add_fact(left(1, version=3))
    chain.add_fact(mentor(7))
    for last in (1, 2, 3, 4):
        await allocations[0].apply(chain, await allocations[0].state(), last)
    rows = await allocations[0].pool.fetch("select year, status, counter from enrolments order by year")
    assert [tuple(row) for row in rows] == [
        (1404, "withdrawn", "053730001"),
        (1405, "assigned", "053730001"),
    ]


def left(number: int, version: int, gender: int = 0, reason: Any = "withdrawn") -> StudentWithdrawnFact:
    return StudentWithdrawnFact(
        version=version,
        occurred_at=None,
        year=1404,
        student_id=student(number).student_id,
        gender=gender,
        reason=reason,
    )


async def test_a_student_that_moves_to_the_other_pool_and_back_is_shown_where_it_is(service: Service) -> None:
    girls, boys = Chain("intake", PARTITION), Chain("intake", BOYS)
    girls.add_fact(mentor(7, capacity=1))
    girls.add_fact(student(1))
    girls.add_fact(student(2))
    boys.add_fact(mentor(8, gender=1))
    boys.add_fact(student(1, gender=1, version=3))
    await publish(service, girls, boys)
    # the new pool is ahead: the withdrawal from the old one has not come yet
    assert await where(service, 1) == ("assigned", 8, "043570001", 3)
    assert await service.items("/v1/mentors/7/students?year=1404") == []
    assert await summary(service) == {"students": 2, "assigned": 1, "waitlisted": 1, "withdrawn": 0}

    girls.add_fact(left(1, version=2, reason="moved"))
    await publish(service, girls, boys)
    assert await where(service, 1) == ("assigned", 8, "043570001", 3)
    assert await where(service, 2) == ("assigned", 7, "043730002", 1)
    assert await summary(service) == {"students": 2, "assigned": 2, "waitlisted": 0, "withdrawn": 0}
    assert await service.items("/v1/allocations?year=1404&status=withdrawn") == []

    boys.add_fact(left(1, version=4, gender=1, reason="moved"))
    girls.add_fact(student(1, version=5))
    await publish(service, girls, boys)
    assert await where(service, 1) == ("waitlisted", None, "043730001", 5)
    assert await service.items("/v1/mentors/8/students?year=1404") == []
    assert [item["student_id"] for item in await service.items("/v1/waitlist?year=1404")] == [
        student(1).student_id
    ]
    assert await summary(service) == {"students": 2, "assigned": 1, "waitlisted": 1, "withdrawn": 0}


async def test_a_student_that_was_withdrawn_is_shown_so_with_its_counter_and_its_place_is_given_on(
    service: Service,
) -> None:
    girls = Chain("intake", PARTITION)
    for fact in (mentor(7, capacity=1), student(1), student(2), left(1, version=2), left(3, version=1)):
        girls.add_fact(fact)
    await publish(service, girls)
    assert await where(service, 1) == ("withdrawn", None, "043730001", 2)
    assert await where(service, 2) == ("assigned", 7, "043730002", 1)
    (item,) = await service.items("/v1/allocations?year=1404&status=withdrawn")
    assert (item["student_id"], item["reason"]) == (student(1).student_id, "withdrawn")
    assert item["cause"] == {"partition": PARTITION, "sequence": 4}
    assert await summary(service) == {"students": 2, "assigned": 1, "waitlisted": 0, "withdrawn": 1}


async def publish(service: Service, *chains: Chain) -> None:
    """The whole of each: what was there before is a repeat."""
    for chain in chains:
        await service.publish(chain)
    for chain in chains:
        await service.wait_for(len(chain.values), chain.partition)


async def where(service: Service, number: int) -> tuple[str, int | None, str | None, int]:
    """Status, mentor, counter and version of a student, in the list as by its id."""
    student_id = student(number).student_id
    one = (await service.get(f"/v1/allocations/{student_id}?year=1404")).json()
    listed = await service.items("/v1/allocations?year=1404")
    assert [item for item in listed if item["student_id"] == student_id] == [one]
    return one["status"], one["mentor_id"], one["counter"], one["version"]


async def summary(service: Service) -> dict[str, int]:
    counts = (await service.get("/v1/summary?year=1404")).json()
    return {name: counts[name] for name in ("students", "assigned", "waitlisted", "withdrawn")}
