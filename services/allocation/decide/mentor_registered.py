"""A mentor was registered, or changed: students who no longer fit leave it, and its free places go to those who wait."""

from collections.abc import Iterator
from typing import Final

from services.allocation.decide.decisions import place, release, serve
from services.allocation.decide.mentor import Mentor
from services.allocation.decide.message import FactType
from services.allocation.decide.rules import narrows, still_fits
from services.allocation.decide.state import Cause, Needs, Pool
from shared.contracts.decisions import Decision
from shared.contracts.facts import MentorRegistered


def needs(pool: Pool | None, tenant: str, fact: MentorRegistered, wanted: Needs) -> None:
    """The mentor's present students, if one of them may have to leave.

    Those in the database fit the mentor as it is in the pool, so that every fact of a batch is compared with that
    one; a student who gets a mentor within the batch is in the working set anyway.
    """
    before = pool.mentors.get(fact.mentor_id) if pool else None
    if pool and before and before.active and narrows(pool.engine.rules, before, Mentor.of(fact)):
        wanted.mentor(tenant, fact.mentor_id)


def evolve(pool: Pool, _: Cause, fact: MentorRegistered) -> None:
    """The mentor as it is now."""
    before = pool.mentors.get(fact.mentor_id)
    after = pool.mentors[fact.mentor_id] = Mentor.of(fact)
    pool.index.put(before, after, pool.loads)
    pool.changes.mentors[fact.mentor_id] = after


def decide(pool: Pool, fact: MentorRegistered) -> Iterator[Decision]:
    """Nobody but this mentor can have gained a place: who leaves it takes one elsewhere or waits."""
    mentor = pool.mentors[fact.mentor_id]
    present = pool.present.get(mentor.mentor_id, {})
    for student in [present[arrival] for arrival in sorted(present)]:
        if not still_fits(pool.engine.rules, pool.policy, mentor, student):
            yield release(pool, student, mentor, "mentor")
            yield place(pool, student, "mentor", mentor.mentor_id)
    yield from serve(pool, mentor)


FACT: Final = FactType(needs, evolve, decide)
