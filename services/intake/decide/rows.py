"""What facts become in the read models: rows of tables. `project/` writes them; nothing here touches a database."""

from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from shared.contracts.facts import Fact

Row = tuple[Any, ...]
KEY_COLUMNS: Final = 2
"""What identifies a subject: its tenant, and its id there."""
PLACE: Final = ("version", "partition", "sequence")
"""The last columns of every table: the subject's version, and where the log holds the fact."""

F = TypeVar("F", bound=Fact, covariant=True)


class Placed(NamedTuple, Generic[F]):
    """A fact with its place in the log.

    `is_first` is set only if the projection certainly has no row for it yet: then it is added by COPY, which is
    faster. Where nobody knows, as in a rebuild, it is left out.
    """

    tenant: str
    fact: F
    fingerprint: bytes
    partition: int
    sequence: int
    is_first: bool = False


class LoadedRow(Protocol):
    """A row as a database gives it, by column."""

    def __getitem__(self, column: str, /) -> Any: ...


class Table(NamedTuple):
    """A table with one row per subject; its first `KEY_COLUMNS` are the key."""

    name: str
    columns: tuple[str, ...]


def table(name: str, key: tuple[str, str], values: tuple[str, ...]) -> Table:
    """`key` and `values`, and behind them the place of the fact that the row was made of."""
    return Table(name, (*key, *values, *PLACE))
