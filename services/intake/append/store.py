"""The rows that a batch leaves beside the log: answers, subjects' keys, known students, rejections."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from services.intake.append.arrival import Arrival
from services.intake.append.idempotency import encoder
from services.intake.append.load import TenantBatch
from services.intake.append.settle import Pending, Settled
from services.intake.crypto.fresh_keys import SubjectKey
from services.intake.crypto.sealing import Keyring, new_data_key, seal
from shared.contracts.facts import StudentRegistered, StudentWithdrawnFact
from shared.postgres import Connection, named_queries

QUERIES: Final = named_queries("services.intake.append")
REJECTION: Final = "rejection"
ABOUT_STUDENTS: Final = (StudentRegistered, StudentWithdrawnFact)
STUDENT_COLUMNS: Final = ("lookup", "tenant", "student_id", "gender", "version")
KEY_COLUMNS: Final = ("tenant", "subject", "lookup", "wrapped_key")
REJECTION_COLUMNS: Final = (
    "rejection_id", "tenant", "causation_id", "type", "errors", "door", "inbound_partition", "inbound_offset",
    "lookup", "wrapped_key", "sealed", "received_at", "centers",
)  # fmt: skip


async def store_students(
    connection: Connection, pending: Sequence[Pending], tenants: Mapping[str, TenantBatch]
) -> None:
    """Gives new students their rows and moves the versions of known ones; both sorted by look-up.

    A first registration that another transaction has just made is a unique violation: the batch is run again.
    """
    first: set[bytes] = set()
    touched: dict[bytes, tuple[str, str]] = {}
    for item in pending:
        arrival, fact = item.settled.arrival, item.new.fact
        if isinstance(fact, ABOUT_STUDENTS) and arrival.lookup is not None:
            touched[arrival.lookup] = (arrival.tenant, fact.student_id)
            if fact.version == 1:
                first.add(arrival.lookup)
    rows = []
    for lookup in sorted(touched):
        tenant, student_id = touched[lookup]
        student = tenants[tenant].state.students[student_id]
        rows.append((lookup, tenant, student_id, student.gender, student.version))
    fresh = [row for row in rows if row[0] in first]
    moved = [row for row in rows if row[0] not in first]
    if moved:
        await connection.execute(
            QUERIES["move_students"],
            [row[0] for row in moved],
            [row[4] for row in moved],
            [row[3] for row in moved],
        )
    if fresh:
        await connection.copy_records_to_table("students", records=fresh, columns=STUDENT_COLUMNS)


async def move_student_versions(connection: Connection, tenant: str, pending: Sequence[Pending]) -> None:
    """The versions of a tenant's students who are reissued: known ones, whom nobody else can change now."""
    if pending:
        ids = [item.new.subject.removeprefix("student/") for item in pending]
        versions = [item.new.fact.version for item in pending]
        await connection.execute(QUERIES["move_student_versions"], tenant, ids, versions)


async def store_keys(connection: Connection, keys: Sequence[SubjectKey]) -> None:
    """The new subjects' wrapped data keys."""
    if keys:
        await connection.copy_records_to_table("subject_keys", records=sorted(keys), columns=KEY_COLUMNS)


async def store_rejections(
    connection: Connection, rejected: Sequence[Settled], keyring: Keyring, now: datetime
) -> None:
    """What was refused, each sealed under a key of its own."""
    if rejected:
        rows = [_rejection(settled, keyring, now) for settled in rejected]
        await connection.copy_records_to_table("rejections", records=rows, columns=REJECTION_COLUMNS)


def _rejection(settled: Settled, keyring: Keyring, now: datetime) -> tuple[object, ...]:
    arrival: Arrival = settled.arrival
    rejection_id = settled.answer.rejection_id
    assert rejection_id is not None
    wrapped = sealed = None
    if arrival.raw:
        data_key = new_data_key()
        wrapped = keyring.wrap(data_key)
        sealed = seal(data_key, arrival.raw, tenant=arrival.tenant, subject=rejection_id, kind=REJECTION)
    return (
        rejection_id, arrival.tenant, arrival.causation_id, arrival.type,
        encoder.encode(settled.answer.errors).decode(), arrival.door, arrival.partition, arrival.offset,
        arrival.lookup, wrapped, sealed, now, arrival.centers,
    )  # fmt: skip
