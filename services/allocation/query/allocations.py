"""Who has whom: one item per (student, year)."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.allocation.query.reads import QUERIES, Reader, item
from shared.errors import NotFound
from shared.http import ExpensiveReads, MinPosition, Page, Year, json_response, page_response
from shared.postgres import Pool

Status = Literal["assigned", "waitlisted", "released", "withdrawn"]


def allocation_routes(pool: Pool, expensive: ExpensiveReads) -> APIRouter:
    """`/v1/allocations` and `/v1/allocations/{student_id}`."""
    routes = APIRouter(tags=["allocations"], dependencies=[MinPosition])

    @routes.get("/v1/allocations")
    async def allocations(
        caller: Reader, page: Annotated[Page, Depends()], year: Year, status: Status | None = None
    ) -> Response:
        """A year's students by id, with their mentors; those who wait have none.

        With `status` or a token limited to centres, which no index serves: 429 while an expensive read of the caller
        runs.
        """
        after = page.after(tuple[UUID])
        with expensive.slot(caller, scans=status is not None or caller.centers is not None):
            found = await pool.fetch(
                QUERIES["allocations"],
                caller.tenant, year, after[0] if after else None, caller.center_filter(), status, page.fetch,
            )  # fmt: skip
        rows, last = page.split(found)
        return page_response(
            page, [item(row) for row in rows], None if last is None else [last["student_id"]]
        )

    @routes.get("/v1/allocations/{student_id}")
    async def allocation(caller: Reader, student_id: UUID, year: Year | None = None) -> Response:
        """One student's allocation: that of `year`, else the newest."""
        rows = await pool.fetch(
            QUERIES["allocation"], caller.tenant, student_id, year, caller.center_filter()
        )
        if not rows:
            raise NotFound("There is no such student in that year.")
        return json_response(item(rows[0]))

    return routes
