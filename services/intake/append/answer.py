"""The one answer to an event, as the idempotency table keeps it and every repeat is told it."""

from typing import Final

import msgspec
from msgspec import UNSET

from services.intake.append.result import Place, Result, Status
from shared.errors import FieldError

MOST_LISTED: Final = 100
"""Most facts about others that an answer lists one by one: a roster may reissue a whole year's students."""

UNKNOWN_CONTENT: Final = b""
"""The digest in an answer that came back to a restored database: nobody has the event's content any more."""


class Answer(msgspec.Struct):
    """The first and only answer to (tenant, source, id).

    `places` are those of the subject's own facts, or all that were listed when it was stored; `reissued` counts
    the facts about others.
    """

    key: bytes
    digest: bytes
    status: Status
    subject: str | None
    places: list[Place] = []
    errors: tuple[FieldError, ...] = ()
    rejection_id: str | None = None
    reissued: int = 0
    others: list[Place] = []

    def is_repeated_by(self, digest: bytes) -> bool:
        """Whether an event with the same key and this content is the same event, as far as can be told."""
        return self.digest in (digest, UNKNOWN_CONTENT)

    def add_other(self, place: Place) -> None:
        """Tells of a fact about another subject, in the order of the log."""
        self.reissued += 1
        if self.reissued <= MOST_LISTED:
            self.others.append(place)
        else:
            last = {other.partition: other for other in (*self.others, place)}
            self.others = [last[partition] for partition in sorted(last)]

    def facts(self) -> list[Place]:
        """What is listed: own facts, then all others, or of too many the last one of each partition."""
        return self.places + self.others if self.others else self.places

    def result(self, source: str | None, event_id: str | None, status: Status, causation_id: str) -> Result:
        """What the sender of (source, id) is told; call it when the facts have their places."""
        refused = bool(self.errors)
        return Result(
            source=source,
            id=event_id,
            status=status,
            subject=self.subject,
            causation_id=causation_id,
            facts=self.facts(),
            reissued=self.reissued or UNSET,
            rejection_id=self.rejection_id if refused and self.rejection_id is not None else UNSET,
            errors=self.errors if refused else UNSET,
        )
