"""`rahnama.manager.registered.v1`: a manager's whole state, and the mentors that carry the manager's centres."""

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, Final

import msgspec

from services.intake.decide import normalise
from services.intake.decide.commands import Command, Personal
from services.intake.decide.fields import CENTERS, MANAGER_ID, field, values_of
from services.intake.decide.message import CommandType, Errors, FactType, Given, Identity, Reference
from services.intake.decide.outcomes import Accepted, NewFact, Unchanged
from services.intake.decide.rows import LoadedRow, Placed, Row, table
from services.intake.decide.state import MANAGERS, Manager, Needs, State
from shared.contracts.facts import FACT_NAMES, ManagerRegistered, MentorRegistered
from shared.contracts.partitions import pool_partition
from shared.errors import FieldError

_MENTOR: Final = FACT_NAMES[MentorRegistered]
_MANAGER: Final = FACT_NAMES[ManagerRegistered]


_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")


def email(value: object) -> str | None:
    """An address, as far as that can be seen; None for empty text."""
    written = normalise.text(value)
    if written and _EMAIL.fullmatch(written) is None:
        raise normalise.Invalid
    return written or None


FIELDS: Final = (
    MANAGER_ID._replace(required=True),
    field("full_name", normalise.optional_name, ("text of at most 256 characters with at least one letter, or null", "نام کامل", "متنی تا ۲۵۶ نویسه با دست کم یک حرف، یا خالی")),
    field("email", email, ("an e-mail address, or null", "رایانامه", "نشانی رایانامه، یا خالی")),
    field("phone", normalise.optional_text, ("text of at most 256 characters, or null", "تلفن", "متنی تا ۲۵۶ نویسه، یا خالی")),
    field("is_active", normalise.boolean, ("true or false", "فعال", "true یا false"), required=True),
    CENTERS,
)  # fmt: skip


class PersonalManager(Personal, frozen=True, kw_only=True, gc=False):
    """A manager's personal data."""

    full_name: str | None
    email: str | None
    phone: str | None


class RegisterManager(Command, frozen=True, kw_only=True):
    """A manager's whole state."""

    manager_id: int
    is_active: bool
    centers: tuple[int, ...]
    personal: PersonalManager

    moves_references: ClassVar[bool] = True

    @property
    def subject(self) -> str:
        """`manager/<id>`."""
        return f"manager/{self.manager_id}"


def parse(data: Mapping[str, object], given: Given) -> RegisterManager | Errors:
    """The command, normalised."""
    rules = given.rules
    errors: list[FieldError] = []
    manager_id, full_name, email, phone, is_active, centers = values_of(data, FIELDS, errors)
    if centers is not None and not rules.centers.issuperset(centers):
        errors.append(CENTERS.invalid)
    if errors:
        return tuple(errors)
    return RegisterManager(
        occurred_at=given.occurred_at,
        manager_id=manager_id,
        is_active=is_active,
        centers=centers,
        personal=PersonalManager(full_name=full_name, email=email, phone=phone),
    )


def needs(command: RegisterManager, wanted: Needs) -> None:
    """The manager as it is, and all its mentors."""
    wanted.references[MANAGERS].add(command.manager_id)
    wanted.mentors_of.add(command.manager_id)


def decide(state: State, command: RegisterManager, identity: Identity) -> Accepted | Unchanged:
    """The manager's new state; then its mentors', by mentor_id, if it means other centres for them."""
    subject, fingerprint = command.subject, identity.fingerprint
    known = state.managers.get(command.manager_id)
    if known is not None and (
        known.is_active == command.is_active
        and known.centers == command.centers
        and known.fingerprint == fingerprint
    ):
        return Unchanged(subject)
    fact = ManagerRegistered(
        version=1 if known is None else known.version + 1,
        occurred_at=command.occurred_at,
        manager_id=command.manager_id,
        is_active=command.is_active,
        centers=list(command.centers),
        sealed="",
    )
    own = NewFact(_MANAGER, subject, pool_partition(state.tenant, 0, state.partitions), fact, fingerprint)
    return Accepted(subject, (own, *_reissued_mentors(state, command)))


def _reissued_mentors(state: State, command: RegisterManager) -> Iterator[NewFact]:
    """A mentor that named the manager before it was registered is there too; whose centres stay is not."""
    centers = list(command.centers) if command.is_active else []
    for mentor_id in sorted(state.mentors_of.get(command.manager_id, ())):
        known = state.mentors[mentor_id]
        if known.fact.manager_centers != centers:
            fact = msgspec.structs.replace(
                known.fact,
                version=known.fact.version + 1,
                occurred_at=command.occurred_at,
                manager_centers=centers,
                sealed="",
            )
            yield NewFact(
                _MENTOR,
                f"mentor/{mentor_id}",
                pool_partition(state.tenant, fact.gender, state.partitions),
                fact,
                known.fingerprint,
                keeps_seal=True,
            )


def evolve(state: State, fact: ManagerRegistered, fingerprint: bytes) -> None:
    """The manager; its mentors have facts of their own."""
    state.managers[fact.manager_id] = Manager(fact.version, fact.is_active, tuple(fact.centers), fingerprint)


def row(placed: Placed[ManagerRegistered]) -> Row:
    """The manager's row."""
    fact = placed.fact
    return (
        placed.tenant, fact.manager_id, fact.is_active, fact.centers, placed.fingerprint, fact.version,
        placed.partition, placed.sequence,
    )  # fmt: skip


def load(state: State, row: LoadedRow) -> None:
    """What `row` holds."""
    state.managers[row["manager_id"]] = Manager(
        row["version"], row["is_active"], tuple(row["centers"]), row["fingerprint"]
    )


COMMAND: Final = CommandType(RegisterManager, FIELDS, parse, needs, decide)
FACT: Final = FactType(
    evolve,
    personal=PersonalManager,
    reference=Reference(
        table(MANAGERS, ("tenant", "manager_id"), ("is_active", "centers", "fingerprint")), row, load
    ),
)
