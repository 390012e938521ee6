"""Erasure: destroys, in one transaction, all by which intake could tell who a student was, and says so in the log.

The locks are taken in the order of every transaction here (`append/load.py`): the tenant's reference lock, shared;
the student's row; the head of its pool's partition; then rows that nobody else waits for while holding more.
"""

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

import msgspec

from services.intake.append.idempotency import Place
from services.intake.append.load import share_references
from services.intake.append.transaction import transaction
from services.intake.crypto import digests
from services.intake.crypto.key_record import FreshKeys
from services.intake.crypto.sealing import Keyring, unseal
from services.intake.decide.rows import Placed
from services.intake.decide.student_registered import PersonalStudent
from services.intake.project.erased import project_erased
from shared.append.clock import Clock
from shared.append.log import Appended, Draft, Log
from shared.contracts.envelope import decode
from shared.contracts.facts import FACT_NAMES, StudentErased, StudentRegistered
from shared.contracts.partitions import pool_partition
from shared.errors import NotFound, Unavailable
from shared.postgres import TRANSIENT_ERRORS, Connection, Pool, named_queries

QUERIES: Final = named_queries("services.intake.append", "erasure.sql")
TYPE: Final = FACT_NAMES[StudentErased]
CAUSE: Final = "\0\0erasure"
"""Stands in the causation id for an inbound event's source, and is none that a source can have."""
NO_TENANT: Final = ""
"""Whose rejections of unknown sources are."""

_encode: Final = msgspec.json.Encoder().encode
_personal: Final = msgspec.json.Decoder(PersonalStudent)


class Erased(msgspec.Struct, frozen=True):
    """The answer: who is forgotten, and where the log says so."""

    student_id: str
    facts: list[Place]


class Erasure:
    """Erases one student at a time. `published` is told of the fact after its commit."""

    def __init__(
        self,
        pool: Pool,
        log: Log,
        keyring: Keyring,
        *,
        partitions: int,
        fresh_keys: FreshKeys,
        published: Callable[[Sequence[Appended]], None],
        clock: Clock,
    ) -> None:
        self._pool = pool
        self._log = log
        self._keyring = keyring
        self._partitions = partitions
        self._fresh_keys = fresh_keys
        self._published = published
        self._clock = clock

    async def erase(self, tenant: str, student_id: UUID, traceparent: str | None) -> Erased:
        """Erases the student; who was erased before is answered as the first time.

        Raises `NotFound`, `GateClosed`, `OutcomeUnknown` when the connection was lost in the commit (ask again:
        it is done at most once), and `Unavailable` when nothing was done.
        """
        self._log.gate.require_open()
        try:
            async with transaction(self._pool) as connection:
                places, appended = await self._statements(connection, tenant, student_id, traceparent)
        except TRANSIENT_ERRORS as error:
            raise Unavailable("the database did not answer; nothing was erased") from error
        self._fresh_keys.take(tenant, f"student/{student_id}")
        if appended:
            self._published(appended)
        return Erased(str(student_id), places)

    async def _statements(
        self, connection: Connection, tenant: str, student_id: UUID, traceparent: str | None
    ) -> tuple[list[Place], list[Appended]]:
        await share_references(connection, tenant)
        known = await connection.fetchrow(QUERIES["lock_student"], tenant, student_id)
        if known is None:
            return await self._before(connection, tenant, student_id), []
        years = await connection.fetch(QUERIES["enrolled_years"], tenant, student_id)
        fact = StudentErased(
            version=known["version"] + 1,
            occurred_at=None,
            student_id=str(student_id),
            gender=known["gender"],
            years=[row["year"] for row in years],
        )
        lookups = await unclaimed_lookups(connection, self._keyring, tenant, student_id)
        draft = self._draft(tenant, fact, traceparent)
        [event] = await self._log.append(connection, [draft], now=self._clock())
        await project_erased(
            connection, [Placed(tenant, fact, b"", event.partition, event.sequence)], lookups
        )
        return [Place(event.partition, event.sequence)], [event]

    async def _before(self, connection: Connection, tenant: str, student_id: UUID) -> list[Place]:
        """The place of an erasure that was done before. Raises `NotFound` when there was none."""
        row = await connection.fetchrow(QUERIES["erased_at"], tenant, f"student/{student_id}")
        if row is None:
            raise NotFound("No such student.")
        return [Place(row["partition"], row["sequence"])]

    def _draft(self, tenant: str, fact: StudentErased, traceparent: str | None) -> Draft:
        return Draft(
            pool_partition(tenant, fact.gender, self._partitions),
            TYPE,
            tenant,
            f"student/{fact.student_id}",
            fact.version,
            digests.causation_id(self._keyring.tenant(tenant).mac, CAUSE, fact.student_id),
            _encode(fact),
            traceparent,
        )


async def unclaimed_lookups(
    connection: Connection, keyring: Keyring, tenant: str, student_id: UUID
) -> list[bytes]:
    """The look-up by which rejections that belong to no tenant name this student, if its data still opens.

    What came from an unknown source is kept under a key of nobody's; to find it, the national ID is opened once more.
    """
    subject = f"student/{student_id}"
    row = await connection.fetchrow(QUERIES["sealed_last"], tenant, subject)
    if row is None:
        return []
    fact = msgspec.json.decode(decode(row["value"]).data, type=StudentRegistered)
    kind = FACT_NAMES[StudentRegistered]
    content = unseal(
        keyring.unwrap(row["wrapped_key"]), fact.sealed, tenant=tenant, subject=subject, kind=kind
    )
    return [keyring.tenant(NO_TENANT).lookup(_personal.decode(content).national_id)]
