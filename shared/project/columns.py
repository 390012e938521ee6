"""Rows → columns: the shape in which `unnest` takes many rows in one statement."""

from collections.abc import Sequence
from typing import Any


def columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """One list a column, in the order of the rows; nothing for no rows."""
    return [list(column) for column in zip(*rows, strict=True)]
