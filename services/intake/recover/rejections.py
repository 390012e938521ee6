"""`rahnama.rejections` → `rejections`: what a restored database has forgotten that it refused.

The topic tells codes and pointers, never what the event said. That is sealed again where its record still stands on
`rahnama.inbound`; of what came over HTTP, and of its messages, nothing is left.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from services.intake.append.decide_batch import ID_REUSED, ReceivedEvent
from services.intake.append.idempotency import UNKNOWN_CONTENT, Answer, encoder, load_answers, store_answers
from services.intake.append.seal_facts import REJECTION, REJECTION_COLUMNS
from services.intake.crypto.sealing import Keyring, new_data_key, seal
from services.intake.recover.facts import QUERIES
from services.intake.relay.rejections import WITHOUT_GENDER
from shared.contracts.partitions import pool_partition
from shared.contracts.rejections import RejectionEvent
from shared.errors import FieldError
from shared.kafka.clients import Record
from shared.postgres import Connection
from shared.recover.foreign import ForeignRecords
from shared.recover.reading import TopicReader

COLUMNS: Final = (*REJECTION_COLUMNS, "published")
SOURCE_NOT_ALLOWED: Final = "SOURCE_NOT_ALLOWED"
ACCEPTED: Final = "rejects an event that has another answer"
MISPLACED: Final = "is not in the partition of its tenant's rejections"

Place = tuple[int, int, str]
"""Partition and offset on `rahnama.inbound`, and the causation id: a record may be a batch of events."""

_decode: Final = msgspec.json.Decoder(RejectionEvent).decode


@dataclass(slots=True)
class LostRejection:
    """What was told of a rejection that the database has not, and its record, if that is still there."""

    told: RejectionEvent
    arrival: ReceivedEvent | None = None

    @property
    def place(self) -> Place | None:
        """Where the refused record stands, if it came over Kafka."""
        inbound = self.told.data.inbound
        return (inbound.partition, inbound.offset, self.told.causationid) if inbound is not None else None

    @property
    def key(self) -> bytes | None:
        """The event's idempotency key, if it had one of its own and that can be told."""
        codes = {fault.code for fault in self.told.data.errors}
        if ID_REUSED.code in codes:
            return None
        if self.arrival is not None:
            return self.arrival.key
        return None if SOURCE_NOT_ALLOWED in codes else bytes.fromhex(self.told.causationid)

    @property
    def errors(self) -> tuple[FieldError, ...]:
        """What was wrong; where the messages are lost, the codes stand in their place."""
        if self.arrival is not None and self.arrival.errors:
            return self.arrival.errors
        return tuple(
            FieldError(fault.pointer, fault.code, fault.code, fault.code) for fault in self.told.data.errors
        )


async def read_rejections(
    connection: Connection,
    reader: TopicReader,
    topic: str,
    partitions: int,
    *,
    accepted: Collection[bytes],
    foreign: ForeignRecords,
) -> list[LostRejection]:
    """The rejections that are on the topic and not in the database, each once. Others are added to `foreign`.

    `accepted` are the keys of the events that led to lost facts. An event is accepted or rejected, never both, and
    the facts are chained: a rejection of such an event, or of one that the database answers otherwise, is not used.
    """
    lost: dict[str, LostRejection] = {}
    for partition in range(partitions):
        begin, end = await reader.extent(topic, partition)
        async for records in reader.batches(topic, partition, begin, end):
            published: dict[str, tuple[Record, LostRejection]] = {}
            for record in records:
                event = rejection_of(record)
                if event is None:
                    foreign.add(record)
                elif partition != pool_partition(event.tenant, WITHOUT_GENDER, partitions):
                    foreign.add(record, MISPLACED)
                elif event.id not in lost:
                    published.setdefault(event.id, (record, LostRejection(event)))
            rows = await connection.fetch(QUERIES["known_rejections"], list(published))
            for row in rows:
                published.pop(row["rejection_id"], None)
            keys = {one.key for _, one in published.values() if one.key is not None}
            answers = await load_answers(connection, keys)
            for name, (record, one) in published.items():
                answer = answers.get(one.key) if one.key is not None else None
                if one.key in accepted or (answer is not None and answer.status != "rejected"):
                    foreign.add(record, ACCEPTED)
                else:
                    lost[name] = one
    return list(lost.values())


def rejection_of(record: Record) -> RejectionEvent | None:
    """The rejection in a record; None if it holds none that the table `rejections` can hold."""
    try:
        event = _decode(record.value or b"")
        time = datetime.fromisoformat(event.time)
        time.astimezone(UTC)
        is_whole = (
            str(UUID(event.id)) == event.id
            and bytes.fromhex(event.causationid).hex() == event.causationid
            and time.tzinfo is not None
        )
    except (msgspec.DecodeError, ValueError, OverflowError):
        return None
    texts = (event.tenant, event.causationid, event.data.type or "")
    inbound, centers = event.data.inbound, event.data.centers
    fits = (
        not any("\0" in text for text in texts)
        and (inbound is None or (0 <= inbound.partition < 1 << 15 and 0 <= inbound.offset < 1 << 63))
        and (centers is msgspec.UNSET or all(-(1 << 31) <= center < 1 << 31 for center in centers))
    )
    return event if is_whole and fits else None


async def restore_rejections(
    connection: Connection,
    keyring: Keyring,
    rejections: Sequence[LostRejection],
    *,
    accepted: Collection[bytes],
) -> int:
    """Keeps them again, and the answers of their events but those `accepted`; how many rejections these are.

    Not one whose record has no valid source and id: it is refused anew when it is read again.
    """
    kept = [one for one in rejections if one.arrival is None or one.arrival.key is not None]
    async with connection.transaction():
        await connection.copy_records_to_table(
            "rejections", records=[_row(keyring, one) for one in kept], columns=COLUMNS
        )
        answered = [one for one in kept if one.key not in accepted]
        await store_answers(connection, await _answers(connection, answered))
    return len(kept)


async def _answers(connection: Connection, rejections: Iterable[LostRejection]) -> list[Answer]:
    found = {
        one.key: Answer(
            one.key,
            one.arrival.digest if one.arrival is not None else UNKNOWN_CONTENT,
            "rejected",
            None,
            errors=one.errors,
            rejection_id=one.told.id,
        )
        for one in rejections
        if one.key is not None
    }
    known = await load_answers(connection, found)
    return [answer for key, answer in found.items() if key not in known]


def _centers(one: LostRejection) -> Sequence[int] | None:
    told = one.told.data.centers
    if told is not msgspec.UNSET:
        return told
    return one.arrival.centers if one.arrival is not None else None


def _row(keyring: Keyring, one: LostRejection) -> tuple[object, ...]:
    told, arrival = one.told, one.arrival
    wrapped = sealed = lookup = None
    if arrival is not None and arrival.raw:
        data_key = new_data_key()
        wrapped, lookup = keyring.wrap(data_key), arrival.lookup
        sealed = seal(data_key, arrival.raw, tenant=told.tenant, subject=told.id, kind=REJECTION)
    partition, offset, _ = one.place or (None, None, None)
    return (
        told.id, told.tenant, told.causationid, told.data.type, encoder.encode(one.errors).decode(),
        told.data.door, partition, offset, lookup, wrapped, sealed, datetime.fromisoformat(told.time),
        _centers(one), True,
    )  # fmt: skip
