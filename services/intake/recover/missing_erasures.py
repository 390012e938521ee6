"""Erasures of which only the tombstone had left when the database was lost: the log says them again.

A tombstone leaves before the fact. Where the fact never left, nobody but the topic of keys knows of the erasure: the
facts that came before it cannot be opened, and what follows from it (a place with a mentor is free) would never happen.
"""

from typing import Any, Final

import msgspec

from services.intake.append.erasure import CAUSE
from services.intake.crypto import digests
from services.intake.crypto.key_record import record_key
from services.intake.crypto.sealing import Keyring
from services.intake.recover.facts import QUERIES, Subject, project_facts, topic_fact
from services.intake.recover.keys import STUDENT
from services.intake.recover.lost import Lost
from shared.append.clock import Clock
from shared.append.log import Draft, Log
from shared.contracts.envelope import decode
from shared.contracts.facts import FACT_NAMES, INTAKE_SOURCE, StudentErased, StudentRegistered
from shared.contracts.partitions import pool_partition
from shared.postgres import Connection

REGISTERED: Final = FACT_NAMES[StudentRegistered]
ERASED: Final = FACT_NAMES[StudentErased]

_encode: Final = msgspec.json.Encoder().encode


def buried_among(lost: Lost, keyring: Keyring, tombstones: set[bytes]) -> set[Subject]:
    """The students of whom facts were lost, and whose key has a tombstone: nothing of these can be opened."""
    owners = {(tenant, subject) for tenant, subject, _ in lost.last if subject.startswith(STUDENT)}
    return {owner for owner in owners if record_key(keyring, *owner) in tombstones}


async def append_missing_erasures(
    connection: Connection, keyring: Keyring, clock: Clock, partitions: int, tombstones: set[bytes]
) -> int:
    """Appends the erasures that the log does not say; how many these are."""
    if not tombstones:
        return 0
    async with connection.transaction():
        rows = await connection.fetch(QUERIES["students_without_key"], REGISTERED)
        drafts = [
            await _erasure(connection, keyring, (row["tenant"], row["subject"]), partitions)
            for row in rows
            if record_key(keyring, row["tenant"], row["subject"]) in tombstones
        ]
        log = Log(INTAKE_SOURCE)
        log.gate.open()
        appended = await log.append(connection, drafts, now=clock())
        facts = [topic_fact(event.partition, event.sequence, decode(event.value)) for event in appended]
        await project_facts(connection, keyring, facts, {item.owner for item in facts})
    return len(appended)


async def _erasure(connection: Connection, keyring: Keyring, owner: Subject, partitions: int) -> Draft:
    """As `append/erasure.py` would have said it, behind the student's last fact."""
    tenant, subject = owner
    facts: list[Any] = [
        topic_fact(row["partition"], row["sequence"], decode(row["value"])).fact
        for row in await connection.fetch(QUERIES["facts_of"], tenant, subject)
    ]
    last = {fact.year: fact for fact in facts}
    erased = StudentErased(
        version=facts[-1].version + 1,
        occurred_at=None,
        student_id=subject.removeprefix(STUDENT),
        gender=facts[-1].gender,
        years=sorted(year for year, fact in last.items() if isinstance(fact, StudentRegistered)),
    )
    return Draft(
        pool_partition(tenant, erased.gender, partitions),
        ERASED,
        tenant,
        subject,
        erased.version,
        digests.causation_id(keyring.tenant(tenant).mac, CAUSE, erased.student_id),
        _encode(erased),
        None,
    )
