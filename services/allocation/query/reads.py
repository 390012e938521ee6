"""What every read of allocation shares: its queries, who may read, and how a row tells its cause."""

from typing import Annotated, Any, Final

import asyncpg
from fastapi import Depends
from pydantic import Field

from shared.http import Caller, require
from shared.postgres import named_queries

QUERIES: Final = named_queries("services.allocation.query")

Reader = Annotated[Caller, Depends(require("operator", "auditor"))]
Year = Annotated[int, Field(ge=1, le=9999)]
"""A Jalali academic year."""


def centers_of(caller: Caller) -> list[int] | None:
    """The centres that a caller is limited to; None: all of them."""
    return None if caller.centers is None else sorted(caller.centers)


def cause(row: asyncpg.Record) -> dict[str, Any]:
    """The place of the fact that led to a decision, in intake's log."""
    return {"partition": row["partition"], "sequence": row["cause_sequence"]}
