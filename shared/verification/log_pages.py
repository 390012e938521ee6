"""A log checked page by page: each row against its own bytes, and each event against the one before it.

No page needs the one before it, so memory and time are bounded by a page, and no snapshot is held between two.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from shared.contracts.envelope import NO_HASH, SEQUENCE_DIGITS, Envelope, decode, event_id, leaf_hash
from shared.postgres import Pool, named_queries
from shared.verification.findings import LogPage, RowDifference

QUERIES: Final = named_queries("shared.verification")


class LogRow(NamedTuple):
    """A row of the log, with the columns that repeat what its event holds."""

    sequence: int
    type: str
    tenant: str
    subject: str
    version: int | None
    value: bytes
    hash: bytes
    causation_id: str
    traceparent: str | None


class _Versioned(msgspec.Struct, frozen=True):
    """What facts and decisions alike hold in their data."""

    version: int | None = None


_versioned: Final = msgspec.json.Decoder(_Versioned)


async def read_page(pool: Pool, source: str, partition: int, after: int, limit: int) -> LogPage:
    """Reads and checks the rows after sequence `after`, at most `limit`, in one snapshot."""
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        head = await connection.fetchrow(QUERIES["log_head"], partition, after)
        rows = await connection.fetch(QUERIES["log_rows"], partition, after, limit)
    assert head is not None  # both are subqueries
    previous = NO_HASH if after == 0 else head["previous"]
    return check_page(source, partition, after, head["head"], previous, [LogRow(*row) for row in rows])


def check_page(
    source: str, partition: int, after: int, head: int, previous: bytes | None, rows: Sequence[LogRow]
) -> LogPage:
    """`previous` is the hash that the row before the page is stored with; None when there is no such row."""
    hashes, difference = list[bytes](), None
    for sequence, row in enumerate(rows, after + 1):
        if row.sequence != sequence:
            difference = difference or _difference(
                partition, sequence, None, (), "the log has no row of this sequence"
            )
            break
        digest = leaf_hash(row.value)
        wrong = _wrong_columns(source, partition, row, digest, previous)
        if wrong and difference is None:
            difference = _difference(
                partition,
                sequence,
                row,
                wrong,
                "the row is not what its event, its hash or its neighbour says",
            )
        hashes.append(digest)
        previous = row.hash
    reached = after + len(hashes)
    if difference is None and not rows and reached < head:
        difference = _difference(partition, reached + 1, None, (), "the log ends before its head")
    if difference is None and rows and rows[-1].sequence > head:
        difference = _difference(partition, head + 1, None, (), "the log holds a row beyond its head")
    return LogPage(
        partition,
        after,
        head,
        tuple(digest.hex() for digest in hashes),
        tuple(traceparent_digest(row.traceparent) for row in rows[: len(hashes)]),
        difference,
    )


def traceparent_digest(traceparent: str | None) -> str | None:
    """SHA-256 in hex; None of none. A trace id is random, so nobody finds it by trying."""
    return None if traceparent is None else hashlib.sha256(traceparent.encode()).hexdigest()


def _wrong_columns(
    source: str, partition: int, row: LogRow, digest: bytes, previous: bytes | None
) -> tuple[str, ...]:
    """The columns of a row that do not fit its event, its own hash, or the event before it."""
    wrong = [] if digest == row.hash else ["hash", "value"]
    try:
        envelope = decode(row.value)
        version = _versioned.decode(envelope.data).version
    except (msgspec.DecodeError, ValueError):
        return tuple(sorted({*wrong, "value"}))
    if not _is_in_place(source, partition, row.sequence, envelope):
        wrong.append("value")
    if previous is not None and envelope.previous != previous.hex():
        wrong.append("value")
    said = {
        "type": envelope.type,
        "tenant": envelope.tenant,
        "subject": envelope.subject,
        "causation_id": envelope.causationid,
        "version": version,
    }
    wrong += [column for column, value in said.items() if getattr(row, column) != value]
    return tuple(sorted(set(wrong)))


def _is_in_place(source: str, partition: int, sequence: int, envelope: Envelope) -> bool:
    return (
        envelope.id == event_id(source, partition, sequence)
        and envelope.source == f"/rahnama/{source}"
        and envelope.sequence == f"{sequence:0{SEQUENCE_DIGITS}d}"
    )


def _difference(
    partition: int, sequence: int, row: LogRow | None, columns: tuple[str, ...], message: str
) -> RowDifference:
    key = {"partition": str(partition), "sequence": str(sequence)}
    return RowDifference("log", key, columns, message)
