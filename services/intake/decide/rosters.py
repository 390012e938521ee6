"""What is decided on the rosters of special schools."""

from typing import Final

from services.intake.decide.commands import PublishSchoolRoster
from services.intake.decide.outcomes import Accepted, NewFact, Unchanged
from services.intake.decide.state import State
from shared.contracts.facts import FACT_NAMES, SchoolRosterPublished
from shared.contracts.partitions import pool_partition

_ROSTER: Final = FACT_NAMES[SchoolRosterPublished]


def publish_roster(state: State, command: PublishSchoolRoster) -> Accepted | Unchanged:
    """The year's special schools. The same set again changes nothing; another one may change students' types."""
    subject = f"school-roster/{command.year}"
    known = state.rosters.get(command.year)
    if known is not None and known.school_codes == frozenset(command.school_codes):
        return Unchanged(subject)
    fact = SchoolRosterPublished(
        version=1 if known is None else known.version + 1,
        occurred_at=command.occurred_at,
        year=command.year,
        school_codes=list(command.school_codes),
    )
    new = NewFact(_ROSTER, subject, pool_partition(state.tenant, 0, state.partitions), fact, b"")
    return Accepted(subject, (new,), rederives=command.year)
