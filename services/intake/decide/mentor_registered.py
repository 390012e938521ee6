"""`rahnama.mentor.registered.v1`: a mentor's whole state, with its manager's centres as they are now."""

from collections.abc import Mapping
from typing import Final, Literal, cast

import msgspec

from services.intake.decide import normalise
from services.intake.decide.commands import Command, Personal
from services.intake.decide.fields import (
    CENTERS,
    GENDER,
    MANAGER_ID,
    MAX_SET,
    MOBILE,
    field,
    from_zero,
    small_set,
    values_of,
)
from services.intake.decide.message import CommandType, Errors, FactType, Given, Identity, Reference
from services.intake.decide.outcomes import Accepted, NewFact, Outcome, Refused, Unchanged
from services.intake.decide.problems import MENTOR_GENDER_FIXED
from services.intake.decide.rows import LoadedRow, Placed, Row, table
from services.intake.decide.state import MANAGERS, Mentor, Needs, State, manager_centers
from shared.contracts.facts import FACT_NAMES, MentorRegistered
from shared.contracts.partitions import pool_partition
from shared.errors import FieldError

DEFAULT_CAPACITY: Final = 60
_MENTOR: Final = FACT_NAMES[MentorRegistered]

MENTOR_TYPE_WORDS: Final = {"عادی": "normal", "normal": "normal", "مدرسه": "school", "school": "school"}
MENTORS: Final = table(
    "mentors",
    ("tenant", "mentor_id"),
    (
        "gender", "type", "capacity", "active", "alias_code", "manager_id", "manager_centers", "groups", "centers",
        "schools", "fingerprint",
    ),
)  # fmt: skip


def mentor_type(value: object) -> Literal["normal", "school"]:
    """`normal` or `school`."""
    word = MENTOR_TYPE_WORDS.get(normalise.text(value).casefold())
    if word is None:
        raise normalise.Invalid
    return cast(Literal["normal", "school"], word)


GROUPS: Final = field("groups", small_set, ("a list with at least one of the tenant's group codes", "گروه‌ها", "فهرستی ناتهی از کدهای گروه"), required=True, most=MAX_SET)  # fmt: skip
SCHOOLS: Final = field("schools", small_set, ("for a school mentor, a list with at least one school code", "مدرسه‌ها", "برای منتور مدرسه فهرستی ناتهی از کدهای مدرسه"), required=True, most=MAX_SET)  # fmt: skip
FIELDS: Final = (
    field("mentor_id", normalise.integer, ("a positive whole number", "شناسه منتور", "عدد صحیح مثبت"), required=True, is_number=True),
    field("name", normalise.optional_name, ("text of at most 256 characters with at least one letter, or null", "نام", "متنی تا ۲۵۶ نویسه با دست کم یک حرف، یا خالی")),
    MOBILE,
    GENDER,
    field("type", mentor_type, ("normal or school", "نوع منتور", "عادی (normal) یا مدرسه (school)"), required=True),
    field("capacity", from_zero, ("a whole number, at least 0", "ظرفیت", "عدد صحیح، دست کم ۰"), is_number=True),
    field("active", normalise.boolean, ("true or false", "فعال", "true یا false")),
    field("alias_code", normalise.optional_text, ("text of at most 256 characters, or null", "کد مستعار", "متنی تا ۲۵۶ نویسه، یا خالی")),
    MANAGER_ID,
    GROUPS,
    CENTERS,
)  # fmt: skip


class PersonalMentor(Personal, frozen=True, kw_only=True, gc=False):
    """A mentor's personal data."""

    name: str | None
    mobile: str | None


class RegisterMentor(Command, frozen=True, kw_only=True):
    """A mentor's whole state. The sets are sorted and without repeats; `schools` of a normal mentor is empty."""

    mentor_id: int
    gender: int
    type: Literal["normal", "school"]
    capacity: int
    active: bool
    alias_code: str | None
    manager_id: int | None
    groups: tuple[int, ...]
    centers: tuple[int, ...]
    schools: tuple[int, ...]
    personal: PersonalMentor

    @property
    def subject(self) -> str:
        """`mentor/<id>`."""
        return f"mentor/{self.mentor_id}"


def parse(data: Mapping[str, object], given: Given) -> RegisterMentor | Errors:
    """The command, normalised."""
    rules = given.rules
    errors: list[FieldError] = []
    mentor_id, name, mobile, gender, kind, capacity, active, alias_code, manager_id, groups, centers = (
        values_of(data, FIELDS, errors)
    )
    if groups is not None and not (groups and rules.all_groups.issuperset(groups)):
        errors.append(GROUPS.invalid)
    if centers is not None and not (centers and rules.centers.issuperset(centers)):
        errors.append(CENTERS.invalid)
    schools: tuple[int, ...] | None = ()
    if kind == "school":  # those of a normal mentor mean nothing, so they are not even read
        (schools,) = values_of(data, (SCHOOLS,), errors)
        if schools == ():
            errors.append(SCHOOLS.invalid)
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
        wanted.references[MANAGERS].add(command.manager_id)


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


def row(placed: Placed[MentorRegistered]) -> Row:
    """The mentor's row."""
    fact = placed.fact
    return (
        placed.tenant, fact.mentor_id, fact.gender, fact.type, fact.capacity, fact.active, fact.alias_code,
        fact.manager_id, fact.manager_centers, fact.groups, fact.centers, fact.schools, placed.fingerprint,
        fact.version, placed.partition, placed.sequence,
    )  # fmt: skip


def load(state: State, row: LoadedRow) -> None:
    """What `row` holds, also under a manager whose mentors are wanted."""
    fact = MentorRegistered(
        version=row["version"],
        occurred_at=None,
        mentor_id=row["mentor_id"],
        gender=row["gender"],
        type=row["type"],
        capacity=row["capacity"],
        active=row["active"],
        alias_code=row["alias_code"],
        manager_id=row["manager_id"],
        manager_centers=row["manager_centers"],
        groups=row["groups"],
        centers=row["centers"],
        schools=row["schools"],
        sealed="",
    )
    state.mentors[fact.mentor_id] = Mentor(fact, row["fingerprint"])
    if fact.manager_id in state.mentors_of:
        state.mentors_of[fact.manager_id].add(fact.mentor_id)


COMMAND: Final = CommandType(RegisterMentor, (*FIELDS, SCHOOLS), parse, needs, decide)
FACT: Final = FactType(
    evolve, personal=PersonalMentor, is_first=is_first, reference=Reference(MENTORS, row, load)
)
