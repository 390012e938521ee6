"""`rahnama.school-roster.published.v1`: the special schools of a year, which make students of another type."""

from collections.abc import Mapping
from typing import Final

from services.intake.decide.commands import PublishSchoolRoster
from services.intake.decide.fields import ROSTER, values_of
from services.intake.decide.message import CommandType, Errors, FactType, Given, Identity
from services.intake.decide.outcomes import Accepted, NewFact, Unchanged
from services.intake.decide.state import Needs, Roster, State
from shared.contracts.facts import FACT_NAMES, SchoolRosterPublished
from shared.contracts.partitions import pool_partition
from shared.errors import FieldError

_ROSTER: Final = FACT_NAMES[SchoolRosterPublished]


def parse(data: Mapping[str, object], given: Given) -> PublishSchoolRoster | Errors:
    """The command, normalised."""
    errors: list[FieldError] = []
    year, school_codes = values_of(data, ROSTER, errors)
    if errors:
        return tuple(errors)
    return PublishSchoolRoster(occurred_at=given.occurred_at, year=year, school_codes=school_codes)


def needs(command: PublishSchoolRoster, wanted: Needs) -> None:
    """The year's roster as it is."""
    wanted.rosters.add(command.year)


def decide(state: State, command: PublishSchoolRoster, _identity: Identity) -> Accepted | Unchanged:
    """The year's special schools. The same set again changes nothing; another one may change students' types."""
    subject = command.subject
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


def evolve(state: State, fact: SchoolRosterPublished, _fingerprint: bytes) -> None:
    """The year's roster; students of another type have facts of their own."""
    state.rosters[fact.year] = Roster(fact.version, frozenset(fact.school_codes))


COMMAND: Final = CommandType(ROSTER, parse, needs, decide)
FACT: Final = FactType(evolve)
