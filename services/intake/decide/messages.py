"""The map of intake: each type of message, and the module with all that is particular to it.

A command is read (`parse`), asks for rows (`needs`) and is decided (`decide`); a fact moves the state (`evolve`).
"""

from collections.abc import Iterable
from typing import Final

from msgspec import UNSET

from services.intake.decide import (
    manager_registered,
    mentor_registered,
    school_roster_published,
    student_erased,
    student_registered,
    student_withdrawn,
)
from services.intake.decide.commands import Command
from services.intake.decide.events import InboundEvent
from services.intake.decide.message import CommandType, Errors, FactType, Given, Identity
from services.intake.decide.outcomes import NewFact, Outcome
from services.intake.decide.problems import ATTRIBUTE_INVALID, ATTRIBUTE_MISSING, type_unknown
from services.intake.decide.spreadsheets import without_leftovers
from services.intake.decide.state import Needs, State
from services.intake.decide.student_years import STUDENT_YEARS
from services.intake.decide.tenant_rules import DEFAULT_RULES, TenantRules
from shared.contracts.facts import (
    Fact,
    ManagerRegistered,
    MentorRegistered,
    SchoolRosterPublished,
    StudentErased,
    StudentRegistered,
    StudentWithdrawnFact,
)

INBOUND: Final[dict[str, CommandType]] = {
    "rahnama.student.registered.v1": student_registered.COMMAND,
    "rahnama.student.withdrawn.v1": student_withdrawn.COMMAND,
    "rahnama.mentor.registered.v1": mentor_registered.COMMAND,
    "rahnama.manager.registered.v1": manager_registered.COMMAND,
    "rahnama.school-roster.published.v1": school_roster_published.COMMAND,
}
"""What upstream sends, by its type's name."""

FACTS: Final[dict[type[Fact], FactType]] = {
    StudentRegistered: student_registered.FACT,
    StudentWithdrawnFact: student_withdrawn.FACT,
    StudentErased: student_erased.FACT,
    MentorRegistered: mentor_registered.FACT,
    ManagerRegistered: manager_registered.FACT,
    SchoolRosterPublished: school_roster_published.FACT,
}
"""What the log holds."""

FIELDS: Final = {field.name: field for kind in INBOUND.values() for field in kind.fields}
"""Every field of data; one that several types have is the same in all of them."""
REFERENCE_TABLES: Final = tuple(kind.reference.table for kind in FACTS.values() if kind.reference is not None)
"""The read models with one row per subject."""
READ_MODELS: Final = ("students", STUDENT_YEARS.name, *(table.name for table in REFERENCE_TABLES))
"""All that `rebuild` makes again from the log."""
INBOUND_TYPES: Final = frozenset(INBOUND)
"""The inbound types that this release accepts."""
TYPE_UNKNOWN: Final = type_unknown(INBOUND_TYPES)
_COMMANDS: Final = {kind.command: kind for kind in INBOUND.values()}


def parse(
    event: InboundEvent,
    today: str,
    rules: TenantRules = DEFAULT_RULES,
    *,
    spreadsheet_leftovers: bool = False,
) -> Command | Errors:
    """The command that `event` asks for, normalised; or all its errors, at least one. Never raises.

    `today` is the date in Tehran, `2026-03-21`: nobody is born after it. `spreadsheet_leftovers` accepts what spreadsheets
    make of values (see `spreadsheets`); imports pass True.
    """
    known = INBOUND.get(event.type)
    if known is None:
        return (TYPE_UNKNOWN,)
    data = event.data
    if not isinstance(data, dict):
        return ((ATTRIBUTE_MISSING if data is UNSET or data is None else ATTRIBUTE_INVALID)["data"],)
    if spreadsheet_leftovers:
        data = without_leftovers(data, known.fields)
    read: Command | Errors = known.parse(data, Given(event.occurred_at, today, rules))
    return read


def needs(commands: Iterable[Command]) -> Needs:
    """What to load for `commands`; students come by their identity, with all their years."""
    wanted = Needs()
    for command in commands:
        _COMMANDS[type(command)].needs(command, wanted)
    return wanted


def decide(state: State, command: Command, *, student_id: str = "", fingerprint: bytes = b"") -> Outcome:
    """What `command` does on `state`: new facts, nothing, or a refusal. Neither is changed.

    `student_id` and `fingerprint` are those of `Identity`.
    """
    return _COMMANDS[type(command)].decide(state, command, Identity(student_id, fingerprint))


def evolve(state: State, new: NewFact) -> State:
    """`state` with `new` applied. Changes it in place and returns it: a batch has thousands of facts."""
    FACTS[type(new.fact)].evolve(state, new.fact, new.fingerprint)
    return state
