"""`rahnama.mentor.registered.v1`: a mentor's whole state, with its manager's centres as they are now."""

from collections.abc import Mapping
from typing import Final

import msgspec

from services.intake.decide.commands import PersonalMentor, RegisterMentor
from services.intake.decide.fields import MENTOR, SCHOOLS, values_of
from services.intake.decide.message import CommandType, Errors, FactType, Given, Identity
from services.intake.decide.outcomes import Accepted, NewFact, Outcome, Refused, Unchanged
from services.intake.decide.problems import INVALID, MENTOR_GENDER_FIXED
from services.intake.decide.state import Mentor, Needs, State, manager_centers
from shared.contracts.facts import FACT_NAMES, MentorRegistered
from shared.contracts.partitions import pool_partition
from shared.errors import FieldError

DEFAULT_CAPACITY: Final = 60
_MENTOR: Final = FACT_NAMES[MentorRegistered]


def parse(data: Mapping[str, object], given: Given) -> RegisterMentor | Errors:
    """The command, normalised."""
    rules = given.rules
    errors: list[FieldError] = []
    mentor_id, name, mobile, gender, kind, capacity, active, alias_code, manager_id, groups, centers = (
        values_of(data, MENTOR, errors)
    )
    if groups is not None and not (groups and rules.all_groups.issuperset(groups)):
        errors.append(INVALID["groups"])
    if centers is not None and not (centers and rules.centers.issuperset(centers)):
        errors.append(INVALID["centers"])
    schools: tuple[int, ...] | None = ()
    if kind == "school":  # those of a normal mentor mean nothing, so they are not even read
        (schools,) = values_of(data, SCHOOLS, errors)
        if schools == ():
            errors.append(INVALID["schools"])
    if errors:
        return tuple(errors)
    return RegisterMentor(
        occurred_at=given.occurred_at,
        mentor_id=mentor_id,
        gender=gender,
        type=kind,
        capacity=DEFAULT_CAPACITY if capacity is None else capacity,
        active=True if active is None else active,
        alias_code=alias_code,
        manager_id=manager_id,
        groups=groups,
        centers=centers,
        schools=schools or (),
        personal=PersonalMentor(name=name, mobile=mobile),
    )


def needs(command: RegisterMentor, wanted: Needs) -> None:
    """The mentor as it is, and its manager."""
    wanted.mentors.add(command.mentor_id)
    if command.manager_id is not None:
        wanted.managers.add(command.manager_id)


def decide(state: State, command: RegisterMentor, identity: Identity) -> Outcome:
    """The mentor's new state, with its manager's centres as they are now."""
    subject, fingerprint = command.subject, identity.fingerprint
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
    return Accepted(
        subject,
        (
            NewFact(
                _MENTOR,
                subject,
                pool_partition(state.tenant, command.gender, state.partitions),
                fact,
                fingerprint,
            ),
        ),
    )


def _same_content(known: MentorRegistered, fact: MentorRegistered) -> bool:
    """Whether only what is new in every fact differs: its version, upstream's time and the seal."""
    return fact == msgspec.structs.replace(
        known, version=fact.version, occurred_at=fact.occurred_at, sealed=fact.sealed
    )


def evolve(state: State, fact: MentorRegistered, fingerprint: bytes) -> None:
    """The mentor, under the manager that it names now."""
    before = state.mentors.get(fact.mentor_id)
    if before is not None and before.fact.manager_id is not None:
        state.mentors_of.get(before.fact.manager_id, set()).discard(fact.mentor_id)
    if fact.manager_id is not None:
        state.mentors_of.setdefault(fact.manager_id, set()).add(fact.mentor_id)
    state.mentors[fact.mentor_id] = Mentor(fact, fingerprint)


def is_first(_state: State, fact: MentorRegistered) -> bool:
    """Whether the mentor was not known."""
    return fact.version == 1


COMMAND: Final = CommandType((*MENTOR, *SCHOOLS), parse, needs, decide)
FACT: Final = FactType(evolve, is_personal=True, is_first=is_first)
