"""Queries that are written again here, by package and name."""

from collections.abc import Callable
from typing import Final

from tests.simulation.schema import Row
from tests.simulation.statements import Query, Record

WRITTEN: Final[dict[tuple[str, str], Query]] = {}


def query(package: str, name: str) -> Callable[[Query], Query]:
    """Makes a function known as the query of that name in the package's `.sql` files."""

    def keep(function: Query) -> Query:
        WRITTEN[package, name] = function
        return function

    return keep


def pick(row: Row, *columns: str) -> Record:
    """Some columns of a row."""
    return Record({column: row[column] for column in columns})
