"""What a batch has changed → the read models, in the batch's transaction.

New rows by COPY, present ones by one UPDATE over arrays: four statements, however many students.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from services.allocation.decide import Enrolment, Mentor, PartitionState
from services.allocation.project.load import QUERIES
from shared.postgres import Connection
from shared.project.columns import columns

Funnels = dict[tuple[int, str, int, str], Mapping[str, int]]
"""(partition, tenant, year, student_id) → the funnel of its latest waitlisting."""

COLUMNS: Final = (
    "tenant", "gender", "student_id", "year", "partition", "version", "arrival", "status", "mentor_id", "counter",
    "edu_status", "reg_center", "reg_status", "group_code", "school_code", "student_type", "policy", "reason",
    "funnel", "cause_sequence", "decided_at",
)  # fmt: skip


async def write_changes(
    connection: Connection, partitions: Sequence[tuple[int, PartitionState]], funnels: Funnels
) -> None:
    """Writes the changes of every pool of the partitions. The enrolments are marked as stored."""
    await _write_enrolments(connection, partitions, funnels)
    mentors = [
        _mentor_row(tenant, partition, mentor)
        for partition, tenant, pool in _pools(partitions)
        for mentor in pool.changes.mentors.values()
    ]
    if mentors:
        await connection.executemany(QUERIES["put_mentor"], mentors)
    loads = [
        (tenant, year, mentor_id, partition, pool.loads.get(year, {}).get(mentor_id, 0))
        for partition, tenant, pool in _pools(partitions)
        for year, mentor_id in pool.changes.loads
    ]
    if loads:
        await connection.execute(QUERIES["put_loads"], *columns(loads))
    counters = [
        (
            tenant,
            partition % 2,
            year,
            partition,
            pool.last_counters.get(year, 0),
            pool.last_chosen.get(year),
        )
        for partition, tenant, pool in _pools(partitions)
        for year in pool.changes.years
    ]
    if counters:
        await connection.execute(QUERIES["put_counters"], *columns(counters))


async def _write_enrolments(
    connection: Connection, partitions: Sequence[tuple[int, PartitionState]], funnels: Funnels
) -> None:
    new: list[tuple[Any, ...]] = []
    changed: list[tuple[Any, ...]] = []
    for partition, _tenant, pool in _pools(partitions):
        for enrolment in pool.changes.enrolments.values():
            (changed if enrolment.stored else new).append(_row(partition, enrolment, funnels))
            enrolment.stored = True
    if new:
        await connection.copy_records_to_table("enrolments", records=new, columns=COLUMNS)
    if changed:
        await connection.execute(QUERIES["update_enrolments"], *columns(changed))
    given = [
        (tenant, partition % 2, student_id, counter)
        for partition, tenant, pool in _pools(partitions)
        for student_id, counter in pool.changes.counters.items()
    ]
    if given:
        await connection.execute(QUERIES["give_counters"], *columns(given))


def _pools(partitions: Sequence[tuple[int, PartitionState]]) -> Iterator[tuple[int, str, Any]]:
    for partition, state in partitions:
        for tenant, pool in state.pools.items():
            yield partition, tenant, pool


def _row(partition: int, enrolment: Enrolment, funnels: Funnels) -> tuple[Any, ...]:
    funnel = None
    if enrolment.status == "waitlisted":
        steps = funnels.get((partition, enrolment.tenant, enrolment.year, enrolment.student_id))
        funnel = msgspec.json.encode(steps).decode() if steps is not None else None
    traits = enrolment.traits
    return (
        enrolment.tenant, partition % 2, enrolment.student_id, enrolment.year, partition, enrolment.version,
        enrolment.arrival, enrolment.status, enrolment.mentor_id, enrolment.counter, traits.edu_status,
        traits.reg_center, traits.reg_status, traits.group_code, traits.school_code,
        traits.student_type, enrolment.policy, enrolment.reason, funnel, enrolment.cause_sequence,
        enrolment.decided_at,
    )  # fmt: skip


def _mentor_row(tenant: str, partition: int, mentor: Mentor) -> tuple[Any, ...]:
    return (
        tenant, mentor.mentor_id, partition, mentor.version, partition % 2, mentor.type, mentor.capacity,
        mentor.active, mentor.alias_code, mentor.manager_id,
        mentor.manager_centers, mentor.groups, mentor.centers, mentor.schools,
    )  # fmt: skip
