"""The read models → the state of a partition, and the rows that a batch needs."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from services.allocation.decide import Enrolment, Mentor, Needs, PartitionState, Pool, Traits
from services.allocation.decide.mentor import codes
from shared.postgres import Connection, named_queries
from shared.project.columns import columns

QUERIES: Final = named_queries("services.allocation.project")


async def load_partition(connection: Connection, partition: int) -> PartitionState:
    """What is kept in memory of one partition: mentors, loads, what each year was left at, and who waits, by tenant."""
    mentors = _by_tenant(await connection.fetch(QUERIES["mentors"], partition))
    loads = _by_tenant(await connection.fetch(QUERIES["loads"], partition))
    counters = _by_tenant(await connection.fetch(QUERIES["counters"], partition))
    waiting = _by_tenant(await connection.fetch(QUERIES["waiting"], partition))
    gender = partition % 2
    state = PartitionState(gender)
    for tenant in sorted({*mentors, *loads, *counters, *waiting}):
        state.pools[tenant] = Pool.restore(
            tenant,
            gender,
            mentors=[_mentor(row) for row in mentors.get(tenant, ())],
            loads=[(row["year"], row["mentor_id"], row["load"]) for row in loads.get(tenant, ())],
            years=[(row["year"], row["last"], row["last_mentor_id"]) for row in counters.get(tenant, ())],
            waiting=(_enrolment(row) for row in waiting.get(tenant, ())),
        )
    return state


async def load_students(
    connection: Connection, wanted: Sequence[tuple[int, Needs]]
) -> dict[int, list[Enrolment]]:
    """By partition: all rows of the students that are needed, and of those that needed mentors have."""
    students = [
        (partition, tenant, student)
        for partition, needs in wanted
        for tenant, ids in needs.students.items()
        for student in ids
    ]
    mentors = [
        (partition, tenant, mentor)
        for partition, needs in wanted
        for tenant, ids in needs.mentors.items()
        for mentor in ids
    ]
    rows: list[Any] = []
    if students:
        rows += await connection.fetch(QUERIES["students"], *columns(students))
    if mentors:
        rows += await connection.fetch(QUERIES["students_of_mentors"], *columns(mentors))
    found: dict[int, list[Enrolment]] = {}
    for row in rows:
        found.setdefault(row["partition"], []).append(_enrolment(row))
    return found


def _by_tenant(rows: Sequence[asyncpg.Record]) -> dict[str, list[asyncpg.Record]]:
    found: dict[str, list[asyncpg.Record]] = {}
    for row in rows:
        found.setdefault(row["tenant"], []).append(row)
    return found


def _mentor(row: asyncpg.Record) -> Mentor:
    centers = row["manager_centers"]
    return Mentor(
        mentor_id=row["mentor_id"],
        version=row["version"],
        type=row["type"],
        capacity=row["capacity"],
        active=row["active"],
        alias_code=row["alias_code"],
        manager_id=row["manager_id"],
        manager_centers=None if centers is None else codes(centers),
        groups=codes(row["groups"]),
        centers=codes(row["centers"]),
        schools=codes(row["schools"]),
    )


def _enrolment(row: asyncpg.Record) -> Enrolment:
    return Enrolment(
        tenant=row["tenant"],
        year=row["year"],
        student_id=row["student_id"],
        version=row["version"],
        arrival=row["arrival"],
        status=row["status"],
        mentor_id=row["mentor_id"],
        counter=row["counter"],
        traits=Traits(
            reg_center=row["reg_center"],
            group_code=row["group_code"],
            reg_status=row["reg_status"],
            edu_status=row["edu_status"],
            school_code=row["school_code"],
            student_type=row["student_type"],
        ),
        reason=row["reason"],
        cause_sequence=row["cause_sequence"],
        decided_at=row["decided_at"],
        policy=row["policy"],
        stored=True,
    )
