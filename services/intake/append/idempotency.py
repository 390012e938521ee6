"""Idempotency: the one answer to an event, as it is given, as the table keeps it, and as every repeat is given it."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec
from msgspec import UNSET

from shared.errors import FieldError
from shared.postgres import Connection, Pool, named_queries

QUERIES: Final = named_queries("services.intake.append")
ANSWER_COLUMNS: Final = ("key", "digest", "status", "subject", "facts", "errors", "rejection_id", "reissued")


Status = Literal["accepted", "unchanged", "duplicate", "rejected"]


class Place(msgspec.Struct, frozen=True, gc=False):
    """A fact's position in intake's log."""

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
        """Whether an event with the same key and this content is the same event, as far as is known."""
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
        """The answer to the sender of (source, id); call it when the facts have their places."""
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


async def load_answers(connection: Connection, keys: Iterable[bytes]) -> dict[bytes, Answer]:
    """The answers that were given before to the events of `keys`."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    return {
        row["key"]: Answer(
            row["key"],
            row["digest"],
            row["status"],
            row["subject"],
            places_decoder.decode(row["facts"]),
            errors_decoder.decode(row["errors"]) if row["errors"] is not None else (),
            str(row["rejection_id"]) if row["rejection_id"] is not None else None,
            row["reissued"] or 0,
        )
        for row in await connection.fetch(QUERIES["known_events"], wanted)
    }


async def store_answers(connection: Connection, answers: Sequence[Answer]) -> None:
    """The new answers, sorted by key; another transaction's answer to the same event is a unique violation."""
    if not answers:
        return
    rows = [
        (
            answer.key,
            answer.digest,
            answer.status,
            answer.subject,
            encoder.encode(answer.facts()).decode(),
            encoder.encode(answer.errors).decode() if answer.errors else None,
            answer.rejection_id,
            answer.reissued or None,
        )
        for answer in sorted(answers, key=_key)
    ]
    await connection.copy_records_to_table("idempotency", records=rows, columns=ANSWER_COLUMNS)


def _key(answer: Answer) -> bytes:
    return answer.key


class Answers:
    """Reads the idempotency table outside the writer's transactions."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, *keys: bytes) -> Answer | None:
        """The answer under the first of `keys` that has one."""
        async with self._pool.acquire() as connection:
            found = await load_answers(connection, keys)
        return next((found[key] for key in keys if key in found), None)
