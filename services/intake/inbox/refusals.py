"""Why a door refuses an event, or a record that should be events, before its data is parsed."""

import hashlib
from typing import Final

from services.intake.inbox.batches import BatchUnreadable
from shared.errors import FieldError
from shared.kafka.bounded_batches import BATCH_RECORDS, INFLATED_BYTES, Refusal, SkippedBatch

SOURCE_NOT_ALLOWED: Final = FieldError(
    "/source",
    "SOURCE_NOT_ALLOWED",
    "This source does not belong to the tenant.",
    "این مبدأ به این مشتری تعلق ندارد.",
)

_SKIPPED: Final = {
    Refusal.TOO_LARGE: (
        "BATCH_TOO_LARGE",
        f"inflate to more than {INFLATED_BYTES} bytes",
        f"پس از بازشدن بیش از {INFLATED_BYTES} بایت‌اند",
    ),
    Refusal.TOO_MANY_RECORDS: (
        "BATCH_TOO_LARGE",
        f"are more than {BATCH_RECORDS} in one batch",
        f"در یک دسته بیش از {BATCH_RECORDS} رکوردند",
    ),
    Refusal.UNREADABLE: ("BATCH_UNREADABLE", "cannot be inflated", "قابل بازشدن نیستند"),
}


def event_too_large(value: bytes, limit: int) -> FieldError:
    """Names the length and the digest, because what is kept of such an event is cut off."""
    return FieldError(
        "",
        "EVENT_TOO_LARGE",
        f"The event has {len(value)} bytes; at most {limit} are accepted. SHA-256 {hashlib.sha256(value).hexdigest()}",
        f"رویداد {len(value)} بایت دارد؛ بیشترین اندازهٔ پذیرفته {limit} بایت است.",
    )


def too_many_events(value: bytes, limit: int) -> FieldError:
    """Of a batch in one record, which is not kept: its length and digest."""
    return FieldError(
        "",
        "BATCH_TOO_LARGE",
        f"A batch has at most {limit} events. {_record(value)}",
        f"یک دسته حداکثر {limit} رویداد دارد.",
    )


def batch_unreadable(value: bytes, error: BatchUnreadable) -> FieldError:
    """Where the array of a batch in one record, which is not kept, cannot be read; its length and digest."""
    return FieldError(
        f"/{error.index}",
        "BATCH_UNREADABLE",
        f"The batch is not a JSON array: it cannot be read at byte {error.offset}, event {error.index} (from 0)."
        f" {_record(value)}",
        f"دسته در بایت {error.offset}، رویداد {error.index} خوانده نمی‌شود.",
    )


def skipped_batch(batch: SkippedBatch) -> FieldError:
    """Of a batch of records that was not taken apart: why, its offsets, length and digest."""
    first, last = batch.first_offset, batch.last_offset
    code, why, persian = _SKIPPED[batch.refusal]
    return FieldError(
        "",
        code,
        f"The records {first} to {last} {why} and were not read; the batch has"
        f" {batch.compressed_bytes} bytes, SHA-256 {batch.hex()}",
        f"رکوردهای {first} تا {last} {persian} و خوانده نشدند.",
    )


def _record(value: bytes) -> str:
    return f"The record has {len(value)} bytes, SHA-256 {hashlib.sha256(value).hexdigest()}"
