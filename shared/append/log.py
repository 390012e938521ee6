"""The log and its gate: dense sequences and a hash chain per partition, written under the head row's lock.

The caller owns the transaction. Locks are taken by partition number, so that two appends never dead-lock;
events are numbered in the order in which they were given. The gate is closed until the log was compared with its
topic, and whenever the two disagree.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Final

import msgspec

from shared.contracts.envelope import Envelope, encode, event_id, leaf_hash, rfc3339
from shared.errors import GateClosed, Misconfigured
from shared.postgres import Connection, named_queries


class Gate:
    """Closed at first. The relay's look opens or closes it; every append asks it."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.reason: str | None = "the log was not compared with its topic yet"

    @property
    def is_open(self) -> bool:
        """Whether the log may grow."""
        return self.reason is None

    def open(self) -> None:
        """Lets the log grow."""
        self.reason = None

    def close(self, reason: str) -> None:
        """Stops appends; `reason` is what operators read."""
        self.reason = reason

    def require_open(self) -> None:
        """Raises `GateClosed` with the reason when the log may not grow."""
        if self.reason is not None:
            raise GateClosed(f"the log of {self._source} is closed: {self.reason}")


QUERIES: Final = named_queries("shared.append")
COLUMNS: Final = (
    "partition", "sequence", "type", "tenant", "subject", "version",
    "value", "hash", "causation_id", "traceparent",
)  # fmt: skip
SUBJECT_AND_VERSION: Final = itemgetter(3, 4, 5)


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An event that is not yet in the log.

    `time` is given for decisions (their fact's time) and None for facts (acceptance); `data` is its JSON.
    `version` is the subject's, where the log refuses two events that were built on the same state.
    """

    partition: int
    type: str
    tenant: str
    subject: str
    version: int | None
    causation_id: str
    data: bytes
    traceparent: str | None
    time: str | None = None


class Appended(msgspec.Struct, frozen=True, gc=False):
    """An event that the log holds, with its exact bytes."""

    partition: int
    sequence: int
    type: str
    tenant: str
    subject: str
    version: int | None
    value: bytes
    hash: bytes
    traceparent: str | None


@dataclass(slots=True)
class Head:
    """Where a partition ends: the last event's sequence, hash (32 bytes) and time (RFC 3339 text)."""

    partition: int
    sequence: int
    hash: bytes
    time: str


class Log:
    """One service's log. `source` is the word in ids (`intake`) and in `/rahnama/intake`; `topic` is where it goes."""

    def __init__(self, source: str, gate: Gate | None = None, *, topic: str | None = None) -> None:
        self.source = source
        self.topic = topic or f"rahnama.{source}"
        self.gate = gate or Gate(source)

    async def lock_heads(self, connection: Connection, partitions: Iterable[int]) -> dict[int, Head]:
        """Locks the heads of `partitions`, lowest number first, until the transaction ends."""
        self.gate.require_open()
        rows = await connection.fetch(QUERIES["lock_heads"], sorted(set(partitions)))
        return {
            row["partition"]: Head(row["partition"], row["sequence"], row["hash"], row["time"])
            for row in rows
        }

    async def append(
        self,
        connection: Connection,
        drafts: Sequence[Draft],
        *,
        now: datetime,
        heads: dict[int, Head] | None = None,
        by_subject: bool = False,
    ) -> list[Appended]:
        """Numbers, chains and stores `drafts` in their order; returns them as the log holds them.

        `heads` are those that the caller has locked, and must hold every partition. With `by_subject` the rows are
        inserted by subject and version: appends to different partitions with first events of the same subjects
        then meet at the unique index in one order, and never wait for each other in a circle.

        Raises `GateClosed`, and `asyncpg.UniqueViolationError` when a subject's version exists already.
        """
        if not drafts:
            return []
        if heads is None:
            heads = await self.lock_heads(connection, {draft.partition for draft in drafts})
        acceptance = rfc3339(now)
        appended = [self._chain(heads[draft.partition], draft, acceptance) for draft in drafts]
        records = [
            (
                event.partition, event.sequence, event.type, draft.tenant, event.subject, event.version,
                event.value, event.hash, draft.causation_id, event.traceparent,
            )
            for event, draft in zip(appended, drafts, strict=True)
        ]  # fmt: skip
        if by_subject:
            records.sort(key=SUBJECT_AND_VERSION)
        await connection.copy_records_to_table("log", records=records, columns=COLUMNS)
        moved = [heads[partition] for partition in sorted({draft.partition for draft in drafts})]
        await connection.execute(
            QUERIES["move_heads"],
            [head.partition for head in moved],
            [head.sequence for head in moved],
            [head.hash for head in moved],
            [head.time for head in moved],
        )
        return appended

    def _chain(self, head: Head, draft: Draft, acceptance: str) -> Appended:
        time = draft.time or max(acceptance, head.time)
        sequence = head.sequence + 1
        value = encode(
            Envelope(
                specversion="1.0",
                id=event_id(self.source, draft.partition, sequence),
                source=f"/rahnama/{self.source}",
                type=draft.type,
                subject=draft.subject,
                time=time,
                datacontenttype="application/json",
                tenant=draft.tenant,
                sequence=f"{sequence:016d}",
                previous=head.hash.hex(),
                causationid=draft.causation_id,
                data=msgspec.Raw(draft.data),
            )
        )
        head.sequence, head.hash, head.time = sequence, leaf_hash(value), time
        return Appended(
            draft.partition,
            sequence,
            draft.type,
            draft.tenant,
            draft.subject,
            draft.version,
            value,
            head.hash,
            draft.traceparent,
        )

    async def read(self, connection: Connection, partition: int, after: int, limit: int) -> list[Appended]:
        """The next events of `partition` after sequence `after`, at most `limit`."""
        rows = await connection.fetch(QUERIES["read"], partition, after, limit)
        return [
            Appended(
                row["partition"], row["sequence"], row["type"], row["tenant"], row["subject"],
                row["version"], row["value"], row["hash"], row["traceparent"],
            )
            for row in rows
        ]  # fmt: skip

    async def heads(self, connection: Connection) -> dict[int, Head]:
        """Where each partition ends now, without locking."""
        rows = await connection.fetch(QUERIES["heads"])
        return {row["partition"]: Head(row["partition"], row["sequence"], row["hash"], "") for row in rows}


async def require_partitions(connection: Connection, expected: int) -> None:
    """Raises `Misconfigured` unless the database was created with `expected` partitions."""
    stored = await connection.fetchval(QUERIES["partitions"])
    if stored != expected:
        raise Misconfigured(
            f"this database was created with {stored} partitions, but RAHNAMA_PARTITIONS is {expected};"
            " a log cannot be repartitioned"
        )
