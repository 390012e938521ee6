"""Who waits, and why."""

from typing import Annotated, Any

import asyncpg
import msgspec
from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.allocation.query.reads import QUERIES, Reader, item
from shared.http import ExpensiveReads, Int2, MinPosition, Page, Year, page_response
from shared.postgres import Pool


def waitlist_routes(pool: Pool, expensive: ExpensiveReads) -> APIRouter:
    """`/v1/waitlist`."""
    routes = APIRouter(tags=["allocations"], dependencies=[MinPosition])

    @routes.get("/v1/waitlist")
    async def waitlist(
        caller: Reader, page: Annotated[Page, Depends()], year: Year | None = None
    ) -> Response:
        """Who waits, in the order of arrival within each pool, with the funnel that explains why.

        With `year` or a token limited to centres, which no index serves: 429 while an expensive read of the caller runs.
        """
        partition, arrival = page.after(tuple[Int2, int]) or (-1, 0)
        with expensive.slot(caller, scans=year is not None or caller.centers is not None):
            found = await pool.fetch(
                QUERIES["waitlist"],
                caller.tenant, year, partition, arrival, caller.center_filter(), page.fetch,
            )  # fmt: skip
        rows, last = page.split(found)
        return page_response(
            page,
            [_waiting(row) for row in rows],
            None if last is None else [last["partition"], last["arrival"]],
        )

    return routes


def _waiting(row: asyncpg.Record) -> dict[str, Any]:
    return {
        **item(row),
        "arrival": row["arrival"],
        "funnel": msgspec.Raw((row["funnel"] or "null").encode()),
        "gender": row["gender"],
        "group_code": row["group_code"],
        "reg_center": row["reg_center"],
        "reg_status": row["reg_status"],
        "edu_status": row["edu_status"],
        "school_code": row["school_code"],
        "student_type": row["student_type"],
    }
