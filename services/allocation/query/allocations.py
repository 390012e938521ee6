"""Who has whom, who waits and why: one item per (student, year)."""

from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import msgspec
from fastapi import APIRouter, Depends
from starlette.responses import Response

from services.allocation.query.reads import QUERIES, Reader, Year, cause, centers_of
from shared.errors import NotFound
from shared.http import Caller, Int2, MinPosition, Page, PositiveInt4, json_response, page_response
from shared.postgres import Pool

Status = Literal["assigned", "waitlisted", "released", "withdrawn"]


def allocation_routes(pool: Pool) -> APIRouter:
    """`/v1/allocations`, `/v1/allocations/{student_id}`, `/v1/waitlist` and a mentor's students."""
    routes = APIRouter(tags=["allocations"], dependencies=[MinPosition])

    @routes.get("/v1/allocations")
    async def allocations(
        caller: Reader, page: Annotated[Page, Depends()], year: Year, status: Status | None = None
    ) -> Response:
        """A year's students by id, with their mentors; those who wait have none."""
        after = page.after(tuple[UUID])
        rows, last = page.split(
            await pool.fetch(
                QUERIES["allocations"],
                caller.tenant, year, after[0] if after else None, centers_of(caller), status, page.fetch,
            )
        )  # fmt: skip
        return page_response(
            page, [_item(row) for row in rows], None if last is None else [last["student_id"]]
        )

    @routes.get("/v1/allocations/{student_id}")
    async def allocation(caller: Reader, student_id: UUID, year: Year | None = None) -> Response:
        """One student's allocation: that of `year`, else the newest."""
        rows = await pool.fetch(QUERIES["allocation"], caller.tenant, student_id, year, centers_of(caller))
        if not rows:
            raise NotFound("There is no such student in that year.")
        return json_response(_item(rows[0]))

    @routes.get("/v1/waitlist")
    async def waitlist(
        caller: Reader, page: Annotated[Page, Depends()], year: Year | None = None
    ) -> Response:
        """Who waits, in the order of arrival within each pool, with the funnel that says why."""
        partition, arrival = page.after(tuple[Int2, int]) or (-1, 0)
        rows, last = page.split(
            await pool.fetch(
                QUERIES["waitlist"], caller.tenant, year, partition, arrival, centers_of(caller), page.fetch
            )
        )
        return page_response(
            page,
            [_waiting(row) for row in rows],
            None if last is None else [last["partition"], last["arrival"]],
        )

    @routes.get("/v1/mentors/{mentor_id}/students")
    async def mentor_students(
        caller: Reader, mentor_id: PositiveInt4, page: Annotated[Page, Depends()], year: Year | None = None
    ) -> Response:
        """The students that a mentor has, by year and arrival."""
        await _require_mentor(pool, caller, mentor_id)
        after_year, arrival = page.after(tuple[Int2, int]) or (0, 0)
        rows, last = page.split(
            await pool.fetch(
                QUERIES["mentor_students"],
                caller.tenant, mentor_id, year, after_year, arrival, centers_of(caller), page.fetch,
            )
        )  # fmt: skip
        return page_response(
            page, [_item(row) for row in rows], None if last is None else [last["year"], last["arrival"]]
        )

    return routes


async def _require_mentor(pool: Pool, caller: Caller, mentor_id: int) -> None:
    if not await pool.fetchval(QUERIES["mentor_exists"], caller.tenant, mentor_id, centers_of(caller)):
        raise NotFound("There is no such mentor.")


def _item(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "student_id": row["student_id"],
        "year": row["year"],
        "status": row["status"],
        "mentor_id": row["mentor_id"] if row["status"] == "assigned" else None,
        "counter": row["counter"],
        "policy": row["policy"],
        "reason": row["reason"],
        "version": row["version"],
        "cause": cause(row),
        "decided_at": row["decided_at"],
    }


def _waiting(row: asyncpg.Record) -> dict[str, Any]:
    return {
        **_item(row),
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
