"""What the module of a message type defines; `messages.py` lists all of them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from services.intake.decide.commands import Command, Personal
from services.intake.decide.fields import Field
from services.intake.decide.outcomes import Outcome
from services.intake.decide.rows import LoadedRow, Placed, Row, Table
from services.intake.decide.state import Needs, State
from services.intake.decide.tenant_rules import TenantRules
from shared.errors import FieldError

Errors = tuple[FieldError, ...]


class Given(NamedTuple):
    """What a type's data is read against, beside itself. `today` is the date in Tehran."""

    occurred_at: str | None
    today: str
    rules: TenantRules


class Identity(NamedTuple):
    """What a command does not hold of its subject in plain text.

    `student_id` is the pseudonym of a student command's national ID: of one that is unknown a new one to register,
    and none to withdraw. `fingerprint` is `digests.fingerprint` of the personal fields, if there are any.
    """

    student_id: str = ""
    fingerprint: bytes = b""


class CommandType(NamedTuple):
    """An inbound type: the `fields` of its data, and what its `command` asks for, needs and does."""

    command: type[Command]
    fields: tuple[Field, ...]
    parse: Callable[[Mapping[str, object], Given], Any]
    """The command, or all errors of the data, at least one."""
    needs: Callable[[Any, Needs], None]
    """Adds what must be loaded before the command is decided; students come by their identity."""
    decide: Callable[[State, Any, Identity], Outcome]
    """What the command does on a state, which is not changed."""


class Reference(NamedTuple):
    """A read model with one row per subject, which the last fact of the subject determines."""

    table: Table
    row: Callable[[Placed[Any]], Row]
    load: Callable[[State, LoadedRow], None]
    """Puts a row of the table into the state, which is changed in place."""


class FactType(NamedTuple):
    """A type of the log: what a fact makes of the state, in place, and what it becomes in the read models."""

    evolve: Callable[[State, Any, bytes], None]
    """(state, fact, fingerprint)"""
    personal: type[Personal] | None = None
    """What is sealed in it."""
    is_first: Callable[[State, Any], bool] = lambda _state, _fact: False
    """Whether the projection certainly has no row yet of what the fact is about; asked before `evolve`."""
    of_year: bool = False
    """Whether it is one of the facts of a student's year, which make one row together (`student_years`)."""
    reference: Reference | None = None


def no_needs(_command: object, _wanted: Needs) -> None:
    """Of a command whose subject comes by its identity alone."""
