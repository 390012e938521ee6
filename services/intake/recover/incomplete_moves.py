"""Changes of both pools of which only one half had left when the database was lost.

A corrected gender withdraws a student from the old pool (version n) and registers it in the new one (n + 1), year by
year: one transaction, but two partitions, which are published on their own. Either half follows from the other one,
but for what the event said of its own year beside the gender. Of a manager or a roster that had left by half it is
told whom it did not reach.
Nothing of this depends on what a recovery has just done, so that it may be interrupted and given again.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeGuard

import msgspec

from services.intake.crypto.sealing import Keyring
from services.intake.recover.answers import answer_facts
from services.intake.recover.facts import QUERIES, project_facts, topic_fact
from shared.append.clock import Clock
from shared.append.log import Draft, Log
from shared.contracts.envelope import decode
from shared.contracts.facts import (
    FACT_NAMES,
    INTAKE_SOURCE,
    Fact,
    StudentRegistered,
    StudentWithdrawnFact,
    decode_fact,
)
from shared.contracts.partitions import pool_partition
from shared.postgres import Connection

REGISTERED: Final = FACT_NAMES[StudentRegistered]
WITHDRAWN: Final = FACT_NAMES[StudentWithdrawnFact]

_encode: Final = msgspec.json.Encoder().encode


class Completed(NamedTuple):
    """How many withdrawals were missing, and the students whose events must be sent again."""

    withdrawals: int
    reopened: Sequence[str]


async def complete_moves(
    connection: Connection, keyring: Keyring, clock: Clock, partitions: int
) -> Completed:
    """Appends the halves that are missing: withdrawals from the old pool, registrations in the new one.

    A year is registered as it was in the old pool. What the event said of its own year beside is lost; so its
    answer is taken back, unless the student was changed since: sent or read again, it is decided anew, and brings it.
    """
    async with connection.transaction():
        rows = await connection.fetch(QUERIES["registered_without_withdrawal"], REGISTERED)
        withdrawals = [_withdrawal(row, partitions) for row in rows]
        rows = await connection.fetch(QUERIES["withdrawn_at_last"], WITHDRAWN)
        torn = [row for row in rows if _fact(row).reason == "moved"]
        # Before a registration in the old pool a lost registration in the new one is no withdrawal from it.
        drafts = {_place(draft): draft for draft in withdrawals}
        for row in torn:
            draft = await _registration(connection, row, partitions)
            if draft is not None:
                drafts[_place(draft)] = draft
        log = Log(INTAKE_SOURCE)
        log.gate.open()
        # Allocation takes a student's facts as its partition has them: older versions first.
        appended = await log.append(connection, [drafts[place] for place in sorted(drafts)], now=clock())
        facts = [topic_fact(event.partition, event.sequence, decode(event.value)) for event in appended]
        await project_facts(connection, keyring, facts, ())
        await answer_facts(connection, facts, {})
        reopened = [row for row in torn if not row["is_followed"]]
        await connection.execute(
            QUERIES["take_answers_back"], [bytes.fromhex(row["causation_id"]) for row in reopened]
        )
    completed = sum(draft.type == WITHDRAWN for draft in drafts.values())
    return Completed(completed, sorted({row["subject"] for row in reopened}))


def _place(draft: Draft) -> tuple[str, str, int]:
    assert draft.version is not None
    return draft.tenant, draft.subject, draft.version


async def _registration(connection: Connection, row: Any, partitions: int) -> Draft | None:
    """What follows a withdrawal by a move: the year as it was registered last, in the other pool.

    None if the pool has heard newer things of the year since: its partition must not go back.
    """
    left = _fact(row)
    facts = [
        decode_fact(one["type"], decode(one["value"]).data)
        for one in await connection.fetch(QUERIES["facts_of"], row["tenant"], row["subject"])
    ]
    newer = [fact for fact in facts if _is_of(fact, left.year) and fact.version > left.version]
    if any(fact.gender != left.gender for fact in newer):
        return None
    last = next(
        fact
        for fact in reversed(facts)
        if isinstance(fact, StudentRegistered) and fact.year == left.year and fact.version < left.version
    )
    there = msgspec.structs.replace(
        last, version=left.version + 1, occurred_at=left.occurred_at, gender=1 - left.gender
    )
    return Draft(
        pool_partition(row["tenant"], there.gender, partitions),
        REGISTERED,
        row["tenant"],
        row["subject"],
        there.version,
        row["causation_id"],
        _encode(there),
        row["traceparent"],
    )


def _withdrawal(row: Any, partitions: int) -> Draft:
    registered = decode_fact(REGISTERED, decode(row["value"]).data)
    assert isinstance(registered, StudentRegistered)
    left = StudentWithdrawnFact(
        version=registered.version - 1,
        occurred_at=registered.occurred_at,
        year=registered.year,
        student_id=registered.student_id,
        gender=1 - registered.gender,
        reason="moved",
    )
    partition = pool_partition(row["tenant"], left.gender, partitions)
    return Draft(
        partition,
        WITHDRAWN,
        row["tenant"],
        row["subject"],
        left.version,
        row["causation_id"],
        _encode(left),
        row["traceparent"],
    )


def _is_of(fact: Fact, year: int) -> TypeGuard[StudentRegistered | StudentWithdrawnFact]:
    return isinstance(fact, StudentRegistered | StudentWithdrawnFact) and fact.year == year


def _fact(row: Any) -> StudentWithdrawnFact:
    fact = decode_fact(WITHDRAWN, decode(row["value"]).data)
    assert isinstance(fact, StudentWithdrawnFact)
    return fact


async def references_apart(connection: Connection) -> Sequence[str]:
    """What managers and rosters say, and not all whom they change have: a line each. Nothing is written."""
    mentors = await connection.fetch(QUERIES["mentors_apart"])
    years = await connection.fetch(QUERIES["students_apart"])
    return [
        *(
            f"mentor {row['mentor_id']} of {row['tenant']} has not the centres of its manager:"
            " register the manager with others, and then as it is"
            for row in mentors
        ),
        *(
            f"{row['students']} students of {row['year']} of {row['tenant']} are not of the type that the roster"
            " says: publish the year's roster with others, and then as it is"
            for row in years
        ),
    ]
