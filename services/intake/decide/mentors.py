"""What is decided on mentors, and on managers with the mentors that carry their centres."""

from collections.abc import Iterator
from typing import Final

import msgspec

from services.intake.decide.commands import RegisterManager, RegisterMentor
from services.intake.decide.outcomes import Accepted, NewFact, Outcome, Refused, Unchanged
from services.intake.decide.problems import MENTOR_GENDER_FIXED
from services.intake.decide.state import State, manager_centers
from shared.contracts.facts import FACT_NAMES, ManagerRegistered, MentorRegistered
from shared.contracts.partitions import pool_partition

_MENTOR: Final = FACT_NAMES[MentorRegistered]
_MANAGER: Final = FACT_NAMES[ManagerRegistered]


def register_mentor(state: State, command: RegisterMentor, fingerprint: bytes) -> Outcome:
    """The mentor's new state, with its manager's centres as they are now."""
    subject = f"mentor/{command.mentor_id}"
    known = state.mentors.get(command.mentor_id)
    if known is not None and known.fact.gender != command.gender:
        return Refused(subject, (MENTOR_GENDER_FIXED,))
    centers = (
        None if command.manager_id is None else list(manager_centers(state.managers.get(command.manager_id)))
    )
    fact = MentorRegistered(
        version=1 if known is None else known.fact.version + 1,
        occurred_at=command.occurred_at,
        mentor_id=command.mentor_id,
        gender=command.gender,
        type=command.type,
        capacity=command.capacity,
        active=command.active,
        alias_code=command.alias_code,
        manager_id=command.manager_id,
        manager_centers=centers,
        groups=list(command.groups),
        centers=list(command.centers),
        schools=list(command.schools),
        sealed="",
    )
    if known is not None and known.fingerprint == fingerprint and _same_content(known.fact, fact):
        return Unchanged(subject)
    return Accepted(subject, (NewFact(_MENTOR, subject, _pool(state, command.gender), fact, fingerprint),))


def _same_content(known: MentorRegistered, fact: MentorRegistered) -> bool:
    """Whether only what every fact has anew differs: its version, upstream's time and the seal."""
    return fact == msgspec.structs.replace(
        known, version=fact.version, occurred_at=fact.occurred_at, sealed=fact.sealed
    )


def register_manager(state: State, command: RegisterManager, fingerprint: bytes) -> Accepted | Unchanged:
    """The manager's new state; then its mentors', by mentor_id, if it means other centres for them."""
    subject = f"manager/{command.manager_id}"
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
    own = NewFact(_MANAGER, subject, _pool(state, 0), fact, fingerprint)
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
                _pool(state, fact.gender),
                fact,
                known.fingerprint,
                keeps_seal=True,
            )


def _pool(state: State, gender: int) -> int:
    return pool_partition(state.tenant, gender, state.partitions)
