"""What a batch has changed, for the projections of the same transaction."""

from dataclasses import dataclass, field

from services.allocation.decide.enrolment import Enrolment
from services.allocation.decide.mentor import Mentor


@dataclass(slots=True)
class Changes:
    """Of one pool, since the working set was last dropped. The values are the live objects: their final state.

    `enrolments` are by arrival. `loads` names (year, mentor_id), `years` those whose last counter or last chosen
    mentor moved. `counters` are those given to students of whom not every year is in memory: their other rows get
    them too.
    """

    enrolments: dict[int, Enrolment] = field(default_factory=dict)
    mentors: dict[int, Mentor] = field(default_factory=dict)
    loads: set[tuple[int, int]] = field(default_factory=set)
    years: set[int] = field(default_factory=set)
    counters: dict[str, str] = field(default_factory=dict)

    def clear(self) -> None:
        """Forgets all of it."""
        self.enrolments.clear()
        self.mentors.clear()
        self.loads.clear()
        self.years.clear()
        self.counters.clear()
