"""Changes of both pools of which only one half had left when the database was lost.

A corrected gender withdraws a student from the old pool (version n) and registers it in the new one (n + 1): one
transaction, but two partitions, which are published on their own. What follows from the other half is appended anew. Of a manager or a roster
that had left by half it is told whom it did not reach.
Nothing of this depends on what a recovery has just done, so that it may be interrupted and given again.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from services.intake.append.sealing import Keyring
from services.intake.recover.answers import answer_facts
from services.intake.recover.facts import QUERIES, project_facts, told
from shared.append.clock import Clock
from shared.append.log import Draft, Log
from shared.contracts.envelope import decode
from shared.contracts.facts import (
    FACT_NAMES,
    INTAKE_SOURCE,
    StudentRegistered,
    StudentWithdrawnFact,
    decode_fact,
)
from shared.contracts.partitions import pool_partition
from shared.postgres import Connection

REGISTERED: Final = FACT_NAMES[StudentRegistered]
WITHDRAWN: Final = FACT_NAMES[StudentWithdrawnFact]

_encode: Final = msgspec.json.Encoder().encode


async def complete_moves(connection: Connection, keyring: Keyring, clock: Clock, partitions: int) -> int:
    """Appends the withdrawals that are missing before registrations in the new pool; how many these are."""
    async with connection.transaction():
        rows = await connection.fetch(QUERIES["registered_without_withdrawal"], REGISTERED)
        drafts = [_withdrawal(row, partitions) for row in rows]
        log = Log(INTAKE_SOURCE)
        log.gate.open()
        appended = await log.append(connection, drafts, now=clock())
        facts = [told(event.partition, event.sequence, decode(event.value)) for event in appended]
        await project_facts(connection, keyring, facts, ())
        await answer_facts(connection, facts, {})
    return len(appended)


async def reopen_moves(connection: Connection) -> Sequence[str]:
    """Takes back the answers of moves whose registration in the new pool is missing; whom they are about.

    What it said is lost; but the event, sent or read again, is decided anew and completes the move.
    """
    async with connection.transaction():
        rows = await connection.fetch(QUERIES["withdrawn_at_last"], WITHDRAWN)
        torn = [row for row in rows if _fact(row).reason == "moved"]
        await connection.execute(
            QUERIES["take_answers_back"], [bytes.fromhex(row["causation_id"]) for row in torn]
        )
    return [row["subject"] for row in torn]


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
