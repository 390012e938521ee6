"""An append room whose tables are dictionaries: it keeps rows between batches, as the database does.

Everything the decider is given comes from these rows, and only what `needs` asks for; so a decision that
depends on where a batch ends, or on a student that nobody loaded, differs from the oracle's.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.allocation.decide import (
    DEFAULT_POLICY,
    Cause,
    Enrolment,
    Mentor,
    PartitionState,
    Policy,
    Pool,
    handle,
    needs,
)
from shared.contracts.decisions import Decision


@dataclass
class Tables:
    """Rows by tenant and key."""

    gender: int
    policies: dict[str, Policy] = field(default_factory=dict)
    students: dict[tuple[str, int, str], Enrolment] = field(default_factory=dict)
    mentors: dict[tuple[str, int], Mentor] = field(default_factory=dict)
    loads: dict[tuple[str, int, int], int] = field(default_factory=dict)
    counters: dict[tuple[str, int], int] = field(default_factory=dict)
    last_chosen: dict[tuple[str, int], int | None] = field(default_factory=dict)

    def restore(self) -> PartitionState:
        """The partition's state as a restarted service builds it."""
        state = PartitionState(self.gender)
        tenants = {key[0] for table in (self.students, self.mentors, self.counters) for key in table}
        for tenant in sorted(tenants | set(self.policies)):
            state.pools[tenant] = Pool.restore(
                tenant,
                self.gender,
                mentors=[mentor for key, mentor in self.mentors.items() if key[0] == tenant],
                loads=[(key[1], key[2], load) for key, load in self.loads.items() if key[0] == tenant],
                years=[
                    (key[1], last, self.last_chosen.get(key))
                    for key, last in self.counters.items()
                    if key[0] == tenant
                ],
                waiting=[
                    copy.copy(row)
                    for row in self.students.values()
                    if row.tenant == tenant and row.status == "waitlisted"
                ],
                policy=self.policies.get(tenant, DEFAULT_POLICY),
            )
        return state

    def handle_batch(self, state: PartitionState, causes: Sequence[Cause]) -> list[list[Decision]]:
        """Loads what the batch needs, handles it, stores what changed. The working set stays in `state`."""
        self.load(state, causes)
        decisions = [handle(state, cause) for cause in causes]
        self.store(state)
        return decisions

    def load(self, state: PartitionState, causes: Sequence[Cause]) -> None:
        """All rows of the students that are needed by name or as a mentor's present ones."""
        wanted = needs(state, causes)
        named = {(tenant, student_id) for tenant, ids in wanted.students.items() for student_id in ids}
        named |= {
            (row.tenant, row.student_id)
            for row in self.students.values()
            if row.status == "assigned" and row.mentor_id in wanted.mentors.get(row.tenant, ())
        }
        state.load(copy.copy(row) for row in self.students.values() if (row.tenant, row.student_id) in named)

    def store(self, state: PartitionState) -> None:
        """Writes the rows that changed, and nothing else."""
        for tenant, pool in state.pools.items():
            changes = pool.changes
            for student in changes.enrolments.values():
                key = (tenant, student.year, student.student_id)
                assert student.stored == (key in self.students)
                student.stored = True
                self.students[key] = copy.copy(student)
            for row in self.students.values():
                if row.tenant == tenant and row.counter is None:
                    row.counter = changes.counters.get(row.student_id)
            for mentor_id, mentor in changes.mentors.items():
                self.mentors[tenant, mentor_id] = mentor
            for year, mentor_id in changes.loads:
                self.loads[tenant, year, mentor_id] = pool.loads[year][mentor_id]
            for year in changes.years:
                self.counters[tenant, year] = pool.last_counters.get(year, 0)
                self.last_chosen[tenant, year] = pool.last_chosen.get(year)
