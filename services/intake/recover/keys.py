"""`rahnama.keys` → `subject_keys`: who everyone is, before the facts about them come back."""

from typing import Final

from cryptography.exceptions import InvalidTag

from services.intake.append.fresh_keys import SubjectKey
from services.intake.append.sealing import Keyring
from services.intake.project.erased import forget_students
from services.intake.recover.facts import QUERIES
from services.intake.relay.key_record import open_record, record_key
from shared.errors import CannotRecover
from shared.kafka.clients import Records
from shared.postgres import Connection
from shared.project.columns import columns
from shared.recover.reading import TopicReader

READ_ROWS: Final = 2000
STUDENT: Final = "student/"


async def recover_keys(
    connection: Connection, reader: TopicReader, keyring: Keyring, topic: str, partitions: int
) -> tuple[int, set[bytes]]:
    """Adds the keys that the database has not; how many these are, and whose last record is a tombstone.

    Each batch is a transaction of its own. Raises `CannotRecover` when the records were written under another
    master key.
    """
    added = 0
    tombstones: set[bytes] = set()
    for partition in range(partitions):
        begin, end = await reader.extent(topic, partition)
        async for records in reader.batches(topic, partition, begin, end):
            keys = _opened(keyring, records, tombstones)
            if keys:
                status = await connection.execute(QUERIES["put_keys"], *columns(list(keys.values())))
                added += int(status.rpartition(" ")[2])
    return added, tombstones


def _opened(keyring: Keyring, records: Records, tombstones: set[bytes]) -> dict[bytes, SubjectKey]:
    """The records' keys, by Kafka's key; none whose tombstone was read, in whichever partition."""
    found: dict[bytes, SubjectKey] = {}
    for record in records:
        index, value = record.key or b"", record.value
        if value is None:
            tombstones.add(index)
            found.pop(index, None)
            continue
        if index in tombstones:  # whoever was erased never comes back under the same pseudonym
            continue
        try:
            found[index] = open_record(keyring, index, value)
        except (InvalidTag, ValueError):
            raise CannotRecover(
                f"the record at offset {record.offset} of partition {record.partition} of {record.topic}"
                " does not open: it was written under another master key"
            ) from None
    return found


async def destroy_keys(connection: Connection, keyring: Keyring, tombstones: set[bytes]) -> int:
    """Whoever was erased stays so: the keys whose records are gone, the mapping to them, and what was refused of them.

    It comes after the rejections are back, for the mapping alone tells which of them are theirs.
    """
    if not tombstones:
        return 0
    gone = []
    async with connection.transaction():
        async for row in connection.cursor(QUERIES["all_keys"], prefetch=READ_ROWS):
            tenant, subject = row["tenant"], row["subject"]
            if subject.startswith(STUDENT) and record_key(keyring, tenant, subject) in tombstones:
                gone.append((tenant, subject.removeprefix(STUDENT)))
        await forget_students(connection, gone)
    return len(gone)
