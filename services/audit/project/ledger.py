"""The ledger's rows: each event's exact bytes, with what it is asked by and where it stood on Kafka."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from services.audit.decide.chains import event_time
from shared.errors import Unapplicable
from shared.inbox.positions import Received, Slice
from shared.postgres import Connection, named_queries

QUERIES: Final = named_queries("services.audit.project")
COLUMNS: Final = (
    "source", "partition", "sequence", "type", "tenant", "subject", "time",
    "value", "hash", "traceparent", "topic", "kafka_offset", "kafka_timestamp_ms",
)  # fmt: skip

Row = tuple[str, int, int, str, str, str, datetime, bytes, bytes, str | None, str, int, int]


def rows_of(slices: Sequence[Slice[Any]]) -> list[Row]:
    """The rows of these events, in their order. Raises `Unapplicable` for one whose time is none."""
    rows: list[Row] = []
    times: dict[str, datetime] = {}  # facts of one transaction, and the decisions they cause, share a time
    for piece in slices:
        source, partition, topic = piece.source, piece.partition, piece.topic
        for record in piece.records:
            envelope = record.envelope
            time = times.get(envelope.time)
            if time is None:
                time = times[envelope.time] = _time(piece, record)
            rows.append(
                (
                    source, partition, record.sequence, envelope.type, envelope.tenant, envelope.subject, time,
                    record.value, record.hash, record.traceparent, topic, record.offset, record.timestamp_ms,
                )
            )  # fmt: skip
    return rows


async def keep(connection: Connection, rows: Sequence[Row]) -> None:
    """Adds the rows to the ledger, in the caller's transaction."""
    await connection.copy_records_to_table("ledger", records=rows, columns=COLUMNS)


async def kept_hashes(
    connection: Connection, source: str, partition: int, sequences: Collection[int]
) -> dict[int, bytes]:
    """The hashes of these events, of those that were kept."""
    rows = await connection.fetch(QUERIES["hashes"], source, partition, list(sequences))
    return {row["sequence"]: row["hash"] for row in rows}


def require_storable(slices: Sequence[Slice[Any]]) -> None:
    """Raises `Unapplicable` for the first event with text that Postgres cannot hold (U+0000)."""
    for piece in slices:
        for record in piece.records:
            envelope = record.envelope
            if "\x00" in envelope.type + envelope.tenant + envelope.subject + (record.traceparent or ""):
                reason = "type, tenant, subject or traceparent contains U+0000"
                raise Unapplicable(piece.source, piece.partition, record.sequence, reason)


def _time(piece: Slice[Any], record: Received) -> datetime:
    time = event_time(record.envelope)
    if time is None or time.tzinfo is None:
        raise Unapplicable(piece.source, piece.partition, record.sequence, "its time is not RFC 3339")
    return time
