"""`rahnama.school-roster.published.v1`: the special schools of a year, which make students of another type."""

from collections.abc import Mapping
from typing import ClassVar, Final

from services.intake.decide import normalise
from services.intake.decide.commands import Command
from services.intake.decide.fields import YEAR, field, values_of
from services.intake.decide.message import CommandType, Errors, FactType, Given, Identity, Reference
from services.intake.decide.outcomes import Accepted, NewFact, Unchanged
from services.intake.decide.rows import LoadedRow, Placed, Row, table
from services.intake.decide.state import ROSTERS, Needs, Roster, State
from shared.contracts.facts import FACT_NAMES, SchoolRosterPublished
from shared.contracts.partitions import pool_partition
from shared.errors import FieldError

_ROSTER: Final = FACT_NAMES[SchoolRosterPublished]


MAX_ROSTER: Final = 100_000
"""Most schools of a roster."""


def school_codes(value: object) -> tuple[int, ...]:
    """At most `MAX_ROSTER` positive numbers, sorted and without repeats."""
    return normalise.integers(value, MAX_ROSTER)


FIELDS: Final = (
    YEAR,
    field("school_codes", school_codes, ("a list of positive whole numbers", "کدهای مدرسه", "فهرستی از عددهای صحیح مثبت"), required=True, most=MAX_ROSTER),
)  # fmt: skip


class PublishSchoolRoster(Command, frozen=True, kw_only=True):
    """The special schools of a year, sorted and without repeats."""

    year: int
    school_codes: tuple[int, ...]

    moves_references: ClassVar[bool] = True
    rederives: ClassVar[bool] = True

    @property
    def subject(self) -> str:
        """`school-roster/<year>`."""
        return f"school-roster/{self.year}"


def parse(data: Mapping[str, object], given: Given) -> PublishSchoolRoster | Errors:
    """The command, normalised."""
    errors: list[FieldError] = []
    year, school_codes = values_of(data, FIELDS, errors)
    if errors:
        return tuple(errors)
    return PublishSchoolRoster(occurred_at=given.occurred_at, year=year, school_codes=school_codes)


def needs(command: PublishSchoolRoster, wanted: Needs) -> None:
    """The year's roster as it is."""
    wanted.references[ROSTERS].add(command.year)


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


def row(placed: Placed[SchoolRosterPublished]) -> Row:
    """The year's row."""
    fact = placed.fact
    return placed.tenant, fact.year, fact.school_codes, fact.version, placed.partition, placed.sequence


def load(state: State, row: LoadedRow) -> None:
    """What `row` holds."""
    state.rosters[row["year"]] = Roster(row["version"], frozenset(row["school_codes"]))


COMMAND: Final = CommandType(PublishSchoolRoster, FIELDS, parse, needs, decide)
FACT: Final = FactType(
    evolve, reference=Reference(table(ROSTERS, ("tenant", "year"), ("school_codes",)), row, load)
)
