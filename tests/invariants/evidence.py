"""What the invariants look at: raw tables and topics, as plain data. Nothing here reads anything.

`tests.invariants.reading` takes it from running servers; a simulation fills it from its own memory.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

NO_HASH: Final = bytes(32)

Row = Mapping[str, Any]
"""One row of a table, by column, with the types that asyncpg gives."""
Tables = Mapping[str, Sequence[Row]]
"""The rows of one database, by table."""

TABLES: Final[Mapping[str, Sequence[str]]] = {
    "intake": (
        "idempotency", "rejections", "students", "student_years", "mentors", "managers", "school_rosters", "erasures",
        "subject_keys", "log", "log_head", "log_published", "inbound",
    ),
    "allocation": (
        "enrolments", "mentors", "mentor_loads", "counters", "inbox", "inbox_hashes", "log", "log_head", "log_published",
    ),
    "audit": ("trees", "inbox", "ledger"),
}  # fmt: skip
"""The tables that the invariants use, by service: whole rows, every column (`tests/invariants/columns.py`)."""


@dataclass(frozen=True)
class Kept:
    """One event in a log or in the ledger, as its row stands there."""

    sequence: int
    value: bytes
    hash: bytes
    type: str
    tenant: str
    subject: str


@dataclass(frozen=True)
class History:
    """One log in the three places where it stands, by partition: tables by sequence, the topic's values by offset."""

    source: str
    log: Mapping[int, Sequence[Kept]]
    topic: Mapping[int, Sequence[bytes]]
    ledger: Mapping[int, Sequence[Kept]]


@dataclass(frozen=True)
class Sent:
    """One event of upstream, however often it was sent, with every answer that came.

    `key` is that of its row in `idempotency` (the causation id's 16 bytes where the source is the tenant's). Events
    of one `subject` (upstream's own word, any) stand in `Evidence.sent` in the order in which they were sent, each
    after the one before was answered or, on one partition, acknowledged; None: no order was kept. `answers` are
    results as `POST /v1/events` gives them.
    """

    key: bytes
    causation_id: str
    subject: str | None = None
    answers: Sequence[Row] = ()


@dataclass(frozen=True)
class Inbound:
    """A record that stands on `rahnama.inbound`. `key` as in `Sent`; None when it has no source or no id."""

    partition: int
    offset: int
    key: bytes | None


@dataclass(frozen=True)
class Personal:
    """Whose personal data is looked for, and where.

    `values` are searched for in every spelling; `numbers` (national IDs, mobiles) as whole runs of digits. `written`
    is every place where something is kept, but `rahnama.inbound`, with its bytes.
    """

    values: Sequence[str] = ()
    numbers: frozenset[bytes] = frozenset()
    written: Iterable[tuple[str, bytes]] = ()


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that the invariants look at. Two of them are equal only if they are the same.

    `erased` holds what erasures were answered: student_id and facts.
    `rejected` holds the values on `rahnama.rejections`. `inbound_made_anew` counts how often `rahnama.inbound` was
    deleted and created: what has no id may have been refused once in each.
    """

    facts: History
    decisions: History
    intake: Tables
    allocation: Tables
    audit: Tables
    sent: Sequence[Sent] = ()
    erased: Sequence[Row] = ()
    inbound: Sequence[Inbound] = ()
    inbound_made_anew: int = 0
    rejected: Sequence[bytes] = ()
    personal: Personal = field(default_factory=Personal)

    @property
    def histories(self) -> tuple[History, History]:
        """Of both logs."""
        return self.facts, self.decisions


class Event(NamedTuple):
    """An event of a log, read. `kind` is its type without the prefix and the version: `student.registered`."""

    id: str
    partition: int
    sequence: int
    kind: str
    tenant: str
    subject: str
    time: str
    causation_id: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Told:
    """Both logs, read, by partition in their order."""

    facts: Mapping[int, Sequence[Event]]
    decisions: Mapping[int, Sequence[Event]]

    @property
    def all_facts(self) -> Iterable[Event]:
        """Of every partition."""
        return (event for events in self.facts.values() for event in events)


@lru_cache(maxsize=1)
def told(evidence: Evidence) -> Told:
    """What the logs tell. Raises `AssertionError` for bytes that are no event."""
    return Told(_read(evidence.facts), _read(evidence.decisions))


def _read(history: History) -> dict[int, list[Event]]:
    return {
        partition: [_event(history.source, partition, kept) for kept in events]
        for partition, events in history.log.items()
    }


def _event(source: str, partition: int, kept: Kept) -> Event:
    try:
        event = msgspec.json.decode(kept.value)
        kind = str(event["type"]).removeprefix(f"rahnama.{source}.").rpartition(".v")[0]
        return Event(
            event["id"], partition, kept.sequence, kind, event["tenant"], event["subject"], event["time"],
            event["causationid"], event["data"],
        )  # fmt: skip
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise AssertionError(
            f"{source}, partition {partition}, sequence {kept.sequence} is no event: {error!r}"
        ) from error
