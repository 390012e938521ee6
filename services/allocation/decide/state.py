"""The state of one partition of allocation, and how a batch's students come into it and leave it again.

In memory for good: per pool its mentors, their loads, the last counters and those who wait. All other
students live in the database: the append room asks `needs` which of them a batch touches, loads these rows,
handles the batch, writes `changes` and forgets the working set.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from services.allocation.decide.enrolment import Enrolment
from services.allocation.decide.pool import Pool
from shared.contracts.facts import Fact


@dataclass(frozen=True, slots=True)
class Cause:
    """A fact with its place: tenant, sequence in the partition, and time (RFC 3339, as in the envelope)."""

    tenant: str
    sequence: int
    time: str
    fact: Fact


@dataclass(slots=True)
class PartitionState:
    """The pools of one partition, by tenant; all have the gender of the partition (its number modulo 2)."""

    gender: int
    pools: dict[str, Pool] = field(default_factory=dict)

    def pool(self, tenant: str) -> Pool:
        """The tenant's pool; an empty one when it is new."""
        found = self.pools.get(tenant)
        if found is None:
            found = self.pools[tenant] = Pool(tenant, self.gender)
        return found

    def load(self, rows: Iterable[Enrolment]) -> None:
        """Takes students' rows into the working set. What is in memory already is newer and stays."""
        for row in rows:
            self.pool(row.tenant).load(row)

    def forget(self) -> None:
        """Drops the working set and the changes, after they were committed."""
        for pool in self.pools.values():
            pool.forget()
