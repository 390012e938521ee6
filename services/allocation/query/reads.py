"""What every read of allocation shares: its queries, who may read, and how a student in a year is shown."""

from typing import Annotated, Any, Final

import asyncpg
from fastapi import Depends

from shared.http import Caller, CenterLimit, require
from shared.postgres import named_queries

QUERIES: Final = named_queries("services.allocation.query")

Reader = Annotated[Caller, Depends(require("operator", "auditor", centers=CenterLimit.APPLIED))]


def item(row: asyncpg.Record) -> dict[str, Any]:
    """How a student stands in a year; `cause` is the place of the fact that led to it, in intake's log."""
    return {
        "student_id": row["student_id"],
        "year": row["year"],
        "status": row["status"],
        "mentor_id": row["mentor_id"] if row["status"] == "assigned" else None,
        "counter": row["counter"],
        "policy": row["policy"],
        "reason": row["reason"],
        "version": row["version"],
        "cause": {"partition": row["partition"], "sequence": row["cause_sequence"]},
        "decided_at": row["decided_at"],
    }
