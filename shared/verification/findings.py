"""What a service's verification of its own database reports."""

from typing import Final

import msgspec

MOST_DIFFERENCES: Final = 20
"""Of one request: a rewritten table differs in every row, and the first rows name it."""
TOPIC: Final = "topic"
"""Stands for a table's name where a record of a topic is at fault, and no row."""


class RowDifference(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row that is not what the log makes of it.

    `key` holds the primary key's columns and the row's tenant as text; of another tenant's row, `*` as the tenant and
    nothing else. `columns` are those that differ; none when the whole row is missing or too many.
    """

    table: str
    key: dict[str, str]
    columns: tuple[str, ...]
    message: str


class LogPage(msgspec.Struct, frozen=True):
    """The next rows of one partition of a log, as the service computes them from its bytes.

    `hashes` (hex) and `traceparents` (their SHA-256 in hex: they may be another tenant's) are those of the sequences
    after `after`, without holes: they end before the first row that is missing. `head` is the sequence at which the log ends. `difference` is the first row that is not
    what it must be.
    """

    partition: int
    after: int
    head: int
    hashes: tuple[str, ...]
    traceparents: tuple[str | None, ...]
    difference: RowDifference | None


class ReadModelReport(msgspec.Struct, frozen=True):
    """What a replay of the log found: by table the rows that were compared, and the first differences of all.

    It is not `complete` when something stopped the replay, so that rows were not compared.
    """

    facts: int
    rows: dict[str, int]
    differences: list[RowDifference]
    seconds: float
    complete: bool = True
