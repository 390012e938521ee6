"""One pool (tenant, gender): what no rule and no counter ever crosses."""

from collections.abc import Iterable
from typing import Self

from services.allocation.decide.changes import Changes
from services.allocation.decide.enrolment import Enrolment
from services.allocation.decide.mentor import Mentor


class Pool:
    """Mentors, loads by year and mentor, last counters by year, and the students in memory.

    `enrolments` holds everyone who waits, and besides them the working set of a batch.
    """

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.mentors: dict[int, Mentor] = {}
        self.loads: dict[int, dict[int, int]] = {}
        self.last_counters: dict[int, int] = {}
        self.enrolments: dict[tuple[int, str], Enrolment] = {}
        self.counters: dict[str, str] = {}
        self.changes = Changes()

    @classmethod
    def restore(
        cls,
        tenant: str,
        *,
        mentors: Iterable[Mentor],
        loads: Iterable[tuple[int, int, int]],
        counters: Iterable[tuple[int, int]],
        waiting: Iterable[Enrolment],
    ) -> Self:
        """The pool as the database has it: `loads` are (year, mentor_id, load), `counters` (year, last)."""
        raise NotImplementedError

    def load(self, row: Enrolment) -> None:
        """Takes a row of the database into the working set, unless it is in memory already."""
        raise NotImplementedError

    def forget(self) -> None:
        """Drops the working set and the changes; those who wait stay."""
        raise NotImplementedError
