"""From what was decided to what the log appends: facts with their personal data sealed, and their trace context."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from services.intake.append.decide_batch import Pending, ReceivedEvent, Settled
from services.intake.append.idempotency import encoder
from services.intake.crypto.key_record import SubjectKey
from services.intake.crypto.sealing import Keyring, new_data_key, seal
from services.intake.decide.messages import FACTS
from shared.append.log import Draft
from shared.contracts.facts import MentorRegistered, StudentRegistered
from shared.postgres import Connection, named_queries
from shared.telemetry import AppendSpans, is_sampled

QUERIES: Final = named_queries("services.intake.append")
FIRST_VERSION: Final = 1
REJECTION: Final = "rejection"
KEY_COLUMNS: Final = ("tenant", "subject", "lookup", "wrapped_key")
REJECTION_COLUMNS: Final = (
    "rejection_id", "tenant", "causation_id", "type", "errors", "door", "inbound_partition", "inbound_offset",
    "lookup", "wrapped_key", "sealed", "received_at", "centers",
)  # fmt: skip

Owner = tuple[str, str, int]
"""Tenant, subject, and of a student the year, else 0."""
Envelopes = dict[Owner, str | None]
"""By owner; None until the batch itself has sealed it. Empty when nothing of the batch is carried on."""


class _Sealed(msgspec.Struct):
    sealed: str | None = None  # a withdrawal has none; then the batch registered the student again


class _Event(msgspec.Struct):
    data: _Sealed


_decode: Final = msgspec.json.Decoder(_Event).decode
_encode: Final = msgspec.json.Encoder().encode


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


@dataclass(slots=True)
class SealedFacts:
    """The drafts in the order of `pending`, and the keys of subjects that are new."""

    drafts: list[Draft] = field(default_factory=list)
    keys: list[SubjectKey] = field(default_factory=list)


async def seal_facts(
    connection: Connection,
    pending: Sequence[Pending],
    keyring: Keyring,
    spans: AppendSpans,
) -> SealedFacts:
    """Seals the personal data of each fact under its subject's own key; new subjects get one here.

    What is reissued carries the envelope on that its subject's last fact has: it is opened by the same subject and
    type, and nobody needs the data to hand it on.
    """
    drafted = SealedFacts()
    data_keys = await _known_keys(connection, pending, keyring)
    envelopes = await load_envelopes(connection, pending)
    for item in pending:
        traceparent = item.settled.arrival.traceparent
        # One event may reissue thousands: the span of its own fact is enough.
        if traceparent is not None and is_sampled(traceparent) and item.is_own:
            traceparent = spans.begin(traceparent, item.new.partition, item.new.type)
        data = _data(item, envelopes, keyring, data_keys, drafted)
        drafted.drafts.append(_draft(item, data, traceparent))
    return drafted


async def _known_keys(
    connection: Connection, pending: Sequence[Pending], keyring: Keyring
) -> dict[tuple[str, str], bytes]:
    """The data keys of subjects that the batch did not create, and whose personal data are new."""
    wanted: dict[str, set[str]] = {}
    for item in pending:
        new = item.new
        if (
            new.fact.version > FIRST_VERSION
            and not new.keeps_seal
            and FACTS[type(new.fact)].personal is not None
        ):
            wanted.setdefault(item.settled.arrival.tenant, set()).add(new.subject)
    return {
        (tenant, row["subject"]): keyring.unwrap(row["wrapped_key"])
        for tenant, subjects in wanted.items()
        for row in await connection.fetch(QUERIES["subject_keys"], tenant, sorted(subjects))
    }


def _data(
    item: Pending,
    envelopes: Envelopes,
    keyring: Keyring,
    data_keys: dict[tuple[str, str], bytes],
    drafted: SealedFacts,
) -> bytes:
    """The JSON of the fact, whole."""
    fact = item.new.fact
    if FACTS[type(fact)].personal is None:
        return _encode(fact)
    if not envelopes:
        return _encode(msgspec.structs.replace(fact, sealed=_seal(item, keyring, data_keys, drafted)))
    owner = owner_of(item)
    if not item.new.keeps_seal:
        envelopes[owner] = _seal(item, keyring, data_keys, drafted)
    sealed = envelopes[owner]
    if sealed is None:
        raise RuntimeError(f"the log has no envelope of {item.new.subject} to carry on")
    return _encode(msgspec.structs.replace(fact, sealed=sealed))


def _seal(
    item: Pending, keyring: Keyring, data_keys: dict[tuple[str, str], bytes], drafted: SealedFacts
) -> str:
    """The envelope of the command's personal data. A subject's first brings its key into `data_keys` and `drafted`."""
    arrival, new = item.settled.arrival, item.new
    command = arrival.command
    assert command is not None
    assert command.personal is not None
    owner = (arrival.tenant, new.subject)
    data_key = data_keys.get(owner)
    if data_key is None:
        data_key = data_keys[owner] = new_data_key()
        wrapped = keyring.wrap(data_key)
        drafted.keys.append(SubjectKey(arrival.tenant, new.subject, arrival.lookup, wrapped))
    return seal(
        data_key, _encode(command.personal), tenant=arrival.tenant, subject=new.subject, kind=new.type
    )


def _draft(item: Pending, data: bytes, traceparent: str | None) -> Draft:
    arrival, new = item.settled.arrival, item.new
    return Draft(
        new.partition,
        new.type,
        arrival.tenant,
        new.subject,
        new.fact.version,
        arrival.causation_id,
        data,
        traceparent,
    )


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
    arrival: ReceivedEvent = settled.arrival
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
