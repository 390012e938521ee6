"""`rahnama.manager.registered.v1`: a manager's whole state, and the mentors that carry the manager's centres."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from services.intake.decide.commands import PersonalManager, RegisterManager
from services.intake.decide.fields import MANAGER, values_of
from services.intake.decide.message import CommandType, Errors, FactType, Given, Identity
from services.intake.decide.outcomes import Accepted, NewFact, Unchanged
from services.intake.decide.problems import INVALID
from services.intake.decide.state import Manager, Needs, State
from shared.contracts.facts import FACT_NAMES, ManagerRegistered, MentorRegistered
from shared.contracts.partitions import pool_partition
from shared.errors import FieldError

_MENTOR: Final = FACT_NAMES[MentorRegistered]
_MANAGER: Final = FACT_NAMES[ManagerRegistered]


def parse(data: Mapping[str, object], given: Given) -> RegisterManager | Errors:
    """The command, normalised."""
    rules = given.rules
    errors: list[FieldError] = []
    manager_id, full_name, email, phone, is_active, centers = values_of(data, MANAGER, errors)
    if centers is not None and not rules.centers.issuperset(centers):
        errors.append(INVALID["centers"])
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
    wanted.managers.add(command.manager_id)
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


COMMAND: Final = CommandType(MANAGER, parse, needs, decide)
FACT: Final = FactType(evolve, is_personal=True)
