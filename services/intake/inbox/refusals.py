"""Why a door refuses an event, or a record that should be events, before its data is parsed."""

import hashlib
from typing import Final

from services.intake.inbox.batches import BatchUnreadable
from shared.errors import FieldError
from shared.kafka.bounded_batches import INFLATED_BYTES, SkippedBatch

SOURCE_NOT_ALLOWED: Final = FieldError(
    "/source",
    "SOURCE_NOT_ALLOWED",
    "This source does not belong to the tenant.",
    "این مبدأ به این مشتری تعلق ندارد.",
)


def event_too_large(value: bytes, limit: int) -> FieldError:
    """Names the length and the digest, because what is kept of such an event is cut off."""
    return FieldError(
        "",
        "EVENT_TOO_LARGE",
        f"The event has {len(value)} bytes; at most {limit} are accepted. SHA-256 {hashlib.sha256(value).hexdigest()}",
        f"رویداد {len(value)} بایت دارد؛ بیشترین اندازهٔ پذیرفته {limit} بایت است.",
    )


def too_many_events(limit: int) -> FieldError:
    """Of a batch in one record."""
    return FieldError(
        "", "BATCH_TOO_LARGE", f"A batch has at most {limit} events.", f"یک دسته حداکثر {limit} رویداد دارد."
    )


def batch_unreadable(error: BatchUnreadable) -> FieldError:
    """Where the array of a batch in one record cannot be read."""
    return FieldError(
        f"/{error.index}",
        "BATCH_UNREADABLE",
        f"The batch is not a JSON array: it cannot be read at byte {error.offset}, event {error.index} (from 0).",
        f"دسته در بایت {error.offset}، رویداد {error.index} خوانده نمی‌شود.",
    )


def batch_too_large(batch: SkippedBatch) -> FieldError:
    """Of a compressed batch that was not taken apart: its offsets, length and digest."""
    offsets = f"{batch.first_offset} to {batch.last_offset}"
    return FieldError(
        "",
        "BATCH_TOO_LARGE",
        f"The records {offsets} inflate to more than {INFLATED_BYTES} bytes and were not read; the compressed batch has"
        f" {batch.compressed_bytes} bytes, SHA-256 {batch.hex()}",
        f"رکوردهای {offsets} پس از بازشدن بیش از {INFLATED_BYTES} بایت‌اند و خوانده نشدند.",
    )
