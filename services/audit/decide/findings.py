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


class Report(msgspec.Struct, frozen=True):
    """The outcome of one verification. `records` counts the events that the trees hold."""

    verified: bool
    records: int
    started_at: str
    seconds: float
    trees: list[TreeFinding]
    first_difference: Difference | None


def first_of(differences: list[Difference | None]) -> Difference | None:
    """The difference with the lowest sequence; at the same sequence the one that was given first."""
    found = [difference for difference in differences if difference is not None]
    return min(found, key=lambda difference: difference.sequence, default=None)
