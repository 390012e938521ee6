"""The sealed envelopes that facts carry on: read from the log, never opened."""

from collections.abc import Sequence
from typing import Final

import msgspec

from services.intake.append.settle import Pending
from shared.contracts.facts import MentorRegistered, StudentRegistered
from shared.postgres import Connection, named_queries

QUERIES: Final = named_queries("services.intake.append")

Owner = tuple[str, str, int]
"""Tenant, subject, and of a student the year, else 0."""
Envelopes = dict[Owner, str | None]
"""By owner; None until the batch itself has sealed it. Empty when nothing of the batch is carried on."""


class _Sealed(msgspec.Struct):
    sealed: str | None = None  # a withdrawal has none; then the batch registered the student again


class _Event(msgspec.Struct):
    data: _Sealed


_decode: Final = msgspec.json.Decoder(_Event).decode


def owner_of(item: Pending) -> Owner:
    """Whose envelope a fact has."""
    fact = item.new.fact
    year = fact.year if isinstance(fact, StudentRegistered) else 0
    return item.settled.arrival.tenant, item.new.subject, year


async def load_envelopes(connection: Connection, pending: Sequence[Pending]) -> Envelopes:
    """Those that the facts of `pending` carry on, as the log had them before the batch."""
    students: dict[str, list[tuple[str, int]]] = {}
    mentors: dict[str, list[int]] = {}
    found: Envelopes = {}
    for item in [item for item in pending if item.new.keeps_seal]:
        fact, tenant = item.new.fact, item.settled.arrival.tenant
        found[owner_of(item)] = None
        if isinstance(fact, StudentRegistered):
            students.setdefault(tenant, []).append((fact.student_id, fact.year))
        elif isinstance(fact, MentorRegistered):
            mentors.setdefault(tenant, []).append(fact.mentor_id)
    for tenant, years in students.items():
        ids, numbers = [student_id for student_id, _ in years], [year for _, year in years]
        for row in await connection.fetch(QUERIES["student_envelopes"], tenant, ids, numbers):
            found[tenant, row["subject"], row["year"]] = _decode(row["value"]).data.sealed
    for tenant, mentor_ids in mentors.items():
        for row in await connection.fetch(QUERIES["mentor_envelopes"], tenant, mentor_ids):
            found[tenant, row["subject"], 0] = _decode(row["value"]).data.sealed
    return found
