"""What a verification reports."""

from typing import Literal

import msgspec

Where = Literal["ledger", "topic", "tree"]
"""Where something else stands than the rest says: the ledger's rows, the topic, or the stored tree."""

Verdict = Literal["ok", "differs", "unknown"]


class Difference(msgspec.Struct, frozen=True):
    """The first record of a (source, partition) that is not what it must be.

    `expected` and `found` are hashes or numbers, as text; never content, which may be another tenant's.
    """

    source: str
    partition: int
    sequence: int
    where: Where
    expected: str | None
    found: str | None
    message: str


class TreeFinding(msgspec.Struct, frozen=True):
    """One tree: its size and root as stored, and whether ledger, topic and stored tree give the same.

    The stored tree's verdict is unknown when neither of the others could be walked to its end.
    `ahead` counts the events that the topic holds beyond the tree: they were not applied yet.
    """

    source: str
    partition: int
    size: int
    root: str
    ledger: Verdict
    topic: Verdict
    tree: Verdict
    ahead: int


class RowFinding(msgspec.Struct, frozen=True):
    """A row of a producing service's database that is not what its log makes of it.

    `key` holds the primary key's columns as text (of another tenant's row nothing), `columns` those that differ;
    none when the whole row is missing or too many.
    """

    service: str
    table: str
    key: dict[str, str]
    columns: tuple[str, ...]
    message: str


class ServiceFinding(msgspec.Struct, frozen=True):
    """One producing service: how many events of its log and rows of its read models were compared, and the verdicts."""

    service: str
    log: Verdict
    read_models: Verdict
    events: int
    rows: dict[str, int]
    differences: list[RowFinding]


class Report(msgspec.Struct, frozen=True):
    """The outcome of one verification. `records` counts the events that the trees hold.

    `services` are the producing services whose own databases were compared as well: those whose URLs are configured.
    """

    verified: bool
    records: int
    started_at: str
    seconds: float
    trees: list[TreeFinding]
    first_difference: Difference | None
    services: list[ServiceFinding]


def first_of(differences: list[Difference | None]) -> Difference | None:
    """The difference with the lowest sequence; at the same sequence the one that was given first."""
    found = [difference for difference in differences if difference is not None]
    return min(found, key=lambda difference: difference.sequence, default=None)
