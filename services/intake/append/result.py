"""What the sender of an event is told, once it is settled for ever."""

from typing import Final, Literal

import msgspec

from shared.errors import FieldError

Status = Literal["accepted", "unchanged", "duplicate", "rejected"]


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a fact stands in intake's log."""

    partition: int
    sequence: int


class Result(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer to one event. A duplicate repeats the facts, or the errors, of the first answer.

    `id` and `source` are null when the event had none that are valid. `reissued` counts the facts about others
    than `subject`; `facts` lists them after the subject's own, or of too many the last one of each partition.
    """

    source: str | None
    id: str | None
    status: Status
    subject: str | None = None
    causation_id: str
    facts: list[Place]
    reissued: int | msgspec.UnsetType = msgspec.UNSET
    rejection_id: str | msgspec.UnsetType = msgspec.UNSET
    errors: tuple[FieldError, ...] | msgspec.UnsetType = msgspec.UNSET


encoder: Final = msgspec.json.Encoder()
places_decoder: Final = msgspec.json.Decoder(list[Place])
errors_decoder: Final = msgspec.json.Decoder(tuple[FieldError, ...])
