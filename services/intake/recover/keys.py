"""`rahnama.keys` → `subject_keys`: who everyone is, before the facts about them come back.

A tombstone alone proves nothing: whoever can write to Kafka can write one, without any key. It counts when a fact
of the erasure, in the log or on the topic of facts, confirms it, or the operator does.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap

from services.intake.crypto.key_record import SubjectKey, open_record, record_key
from services.intake.crypto.sealing import Keyring
from services.intake.project.erased import forget_students
from services.intake.recover.facts import QUERIES, Subject, split
from shared.errors import CannotRecover
from shared.kafka.clients import Records
from shared.postgres import Connection
from shared.project.columns import columns
from shared.recover.foreign import ForeignRecords
from shared.recover.reading import TopicReader

READ_ROWS: Final = 2000
SAMPLE_KEYS: Final = 20
STUDENT: Final = "student/"


@dataclass(slots=True)
class TopicKeys:
    """What `rahnama.keys` holds: the records' owners that have no key in the database, and the tombstones.

    Both by the record's Kafka key. An owner stays although a tombstone follows, as long as its record was not
    compacted away. `opened` counts the records that open under the master key, `unopened` the others.
    """

    opened: int = 0
    unopened: int = 0
    missing: dict[bytes, Subject] = field(default_factory=dict)
    tombstones: set[bytes] = field(default_factory=set)


async def read_keys(
    connection: Connection,
    reader: TopicReader,
    keyring: Keyring,
    topic: str,
    partitions: int,
    foreign: ForeignRecords,
) -> TopicKeys:
    """Reads and opens every record; writes nothing. Those that do not open are added to `foreign`."""
    found, before = TopicKeys(), foreign.count
    for partition in range(partitions):
        begin, end = await reader.extent(topic, partition)
        async for records in reader.batches(topic, partition, begin, end):
            found.tombstones.update(record.key or b"" for record in records if record.value is None)
            keys = _opened(keyring, records, foreign)
            found.opened += len(keys)
            owners = {index: (key.tenant, key.subject) for index, key in keys.items()}
            rows = await connection.fetch(QUERIES["keys_of"], *split(owners.values()))
            known = {(row["tenant"], row["subject"]) for row in rows}
            found.missing |= {index: owner for index, owner in owners.items() if owner not in known}
    found.unopened = foreign.count - before
    return found


async def require_master_key(
    connection: Connection, keyring: Keyring, keys: TopicKeys, *, needed: bool
) -> None:
    """Raises `CannotRecover` when the master key is another one.

    That is so when it opens none of the database's keys. Where the database has none, it is so when nothing on the
    topic opens either, although lost facts need keys (`needed`); otherwise the records are merely foreign.
    """
    rows = await connection.fetch(QUERIES["some_keys"], SAMPLE_KEYS)
    if rows and not any(_unwraps(keyring, row["wrapped_key"]) for row in rows):
        raise CannotRecover("the keys in the database were wrapped under another master key")
    if not rows and needed and keys.unopened and not keys.opened:
        raise CannotRecover(
            f"none of the {keys.unopened} records of rahnama.keys opens under this master key:"
            " they were written under another master key"
        )


def _unwraps(keyring: Keyring, wrapped: bytes) -> bool:
    try:
        keyring.unwrap(wrapped)
    except InvalidUnwrap:
        return False
    return True


async def owners_of(
    connection: Connection,
    keyring: Keyring,
    keys: TopicKeys,
    others: Iterable[Subject],
) -> dict[Subject, bytes]:
    """The subjects behind the tombstones, with the records' Kafka keys, as far as anything identifies them.

    The database does, the records that are not compacted away, and `others`.
    """
    found = {owner: index for index, owner in keys.missing.items() if index in keys.tombstones}
    async with connection.transaction():
        async for row in connection.cursor(QUERIES["all_keys"], prefetch=READ_ROWS):
            _add(found, keyring, keys, (row["tenant"], row["subject"]))
    for owner in others:
        _add(found, keyring, keys, owner)
    return found


def _add(found: dict[Subject, bytes], keyring: Keyring, keys: TopicKeys, owner: Subject) -> None:
    index = record_key(keyring, *owner)
    if index in keys.tombstones:
        found[owner] = index


async def recover_keys(
    connection: Connection,
    reader: TopicReader,
    keyring: Keyring,
    topic: str,
    partitions: int,
    *,
    buried: Collection[bytes],
) -> int:
    """Adds the keys that the database has not, but those in `buried`; how many these are. `read_keys` was first.

    Each batch is a transaction of its own.
    """
    added = 0
    for partition in range(partitions):
        begin, end = await reader.extent(topic, partition)
        async for records in reader.batches(topic, partition, begin, end):
            opened = _opened(keyring, records, ForeignRecords())  # `read_keys` has reported them
            keys = [key for index, key in opened.items() if index not in buried]
            if keys:
                status = await connection.execute(QUERIES["put_keys"], *columns(keys))
                added += int(status.rpartition(" ")[2])
    return added


def _opened(keyring: Keyring, records: Records, foreign: ForeignRecords) -> dict[bytes, SubjectKey]:
    """The records' keys, by Kafka's key. Whoever may write to Kafka may have written what does not open."""
    found: dict[bytes, SubjectKey] = {}
    for record in records:
        if record.value is None:
            continue
        index = record.key or b""
        try:
            found[index] = open_record(keyring, index, record.value)
        except (InvalidTag, ValueError, msgspec.DecodeError):
            foreign.add(record)
    return found


async def destroy_keys(connection: Connection, keyring: Keyring, buried: Collection[bytes]) -> int:
    """Whoever was erased stays so: destroys their keys, the mapping to them, and what was refused of them.

    It comes after the rejections are back, for the mapping alone identifies those of theirs.
    """
    if not buried:
        return 0
    gone = []
    async with connection.transaction():
        async for row in connection.cursor(QUERIES["all_keys"], prefetch=READ_ROWS):
            tenant, subject = row["tenant"], row["subject"]
            if subject.startswith(STUDENT) and record_key(keyring, tenant, subject) in buried:
                gone.append((tenant, subject.removeprefix(STUDENT)))
        await forget_students(connection, gone)
    return len(gone)
